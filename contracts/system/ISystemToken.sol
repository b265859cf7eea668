// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

/// The ERC-20 of an asset of NexusCore, at 0x2000…0000 + its id.
interface ISystemToken is IERC20Metadata {
    /// Coins come into being here only when Core sends them over.
    error OnlySystem();

    /// Id of the asset in Core.
    function asset() external view returns (uint16);

    /// A transfer from Core arrives. Reverts if `to` is zero; Core then takes it back.
    function mint(address to, uint256 amount) external;

    /// Moves the caller's tokens to its account in Core, in the same transaction. `amount` is in
    /// units of `decimals()` and must be whole units of Core.
    function toCore(uint256 amount) external;
}
