// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IExchange} from "../interfaces/IExchange.sol";
import {ILedger} from "../interfaces/ILedger.sol";
import {NexusAddresses} from "../interfaces/NexusAddresses.sol";
import {ISystemToken} from "../system/ISystemToken.sol";

/// A contract with money on the exchange: what every example below needs. Its account in Core is
/// its own address; a call of an engine acts for whoever calls.
abstract contract CoreAccount {
    ILedger internal constant LEDGER = ILedger(NexusAddresses.LEDGER);
    IExchange internal constant EXCHANGE = IExchange(NexusAddresses.EXCHANGE);
    uint16 internal constant EXCHANGE_ID = 2;

    /// The native coin, with 18 decimals here and 6 in Core.
    uint16 internal constant USDX = 0;
    uint256 internal constant WEI_PER_UNIT = 1e12;

    uint8 internal constant BUY = 0;
    uint8 internal constant SELL = 1;
    uint8 internal constant GTC = 0;
    uint8 internal constant IOC = 1;
    uint8 internal constant POST_ONLY = 3;
    uint8 internal constant CANCEL_MAKER = 0;

    address public immutable owner = msg.sender;

    error OnlyOwner();

    modifier onlyOwner() {
        if (msg.sender != owner) revert OnlyOwner();
        _;
    }

    /// Native coin from here to the exchange, in one transaction. Whole units of 10^12 wei.
    function _depositNative() internal {
        LEDGER.depositNative{value: msg.value}();
        LEDGER.depositTo(EXCHANGE_ID, USDX, uint64(msg.value / WEI_PER_UNIT));
    }

    /// Tokens of an asset from the caller to the exchange; the caller has approved them.
    function _depositToken(uint16 asset, uint256 amount) internal {
        ISystemToken token = ISystemToken(NexusAddresses.tokenOf(asset));
        require(token.transferFrom(msg.sender, address(this), amount));
        token.toCore(amount);
        LEDGER.depositTo(EXCHANGE_ID, asset, LEDGER.balance(address(this), asset));
    }

    /// Everything of an asset that no order holds, from the exchange to `to` in the EVM, where it
    /// arrives in the next block.
    function _payOut(uint16 asset, address to) internal returns (uint64 amount) {
        (amount,) = EXCHANGE.balance(address(this), asset);
        if (amount == 0) return 0;
        EXCHANGE.withdraw(asset, amount);
        LEDGER.toEvm(asset, amount, to);
    }
}
