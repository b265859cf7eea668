// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ILedger} from "../interfaces/ILedger.sol";
import {NexusAddresses} from "../interfaces/NexusAddresses.sol";
import {ISystemToken} from "./ISystemToken.sol";

/// The same code for every asset, and nothing in storage but balances: what an asset is called
/// stands in the ledger. Nobody owns it.
contract SystemToken is ERC20, ISystemToken {
    ILedger private constant LEDGER = ILedger(NexusAddresses.LEDGER);

    constructor() ERC20("", "") {}

    function asset() public view returns (uint16) {
        return uint16(uint160(address(this)));
    }

    function name() public view override(ERC20, IERC20Metadata) returns (string memory) {
        return string.concat("Nexus ", symbol());
    }

    function symbol() public view override(ERC20, IERC20Metadata) returns (string memory text) {
        (, text,,,,,,) = LEDGER.asset(asset());
    }

    function decimals() public view override(ERC20, IERC20Metadata) returns (uint8 count) {
        (,,, count,,,,) = LEDGER.asset(asset());
    }

    function mint(address to, uint256 amount) external {
        if (msg.sender != NexusAddresses.SYSTEM) revert OnlySystem();
        _mint(to, amount);
    }

    function toCore(uint256 amount) external {
        _burn(msg.sender, amount);
        LEDGER.creditFromToken(asset(), msg.sender, amount);
    }
}
