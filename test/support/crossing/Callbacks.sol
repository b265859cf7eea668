// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CoreAccount} from "../../../contracts/examples/CoreAccount.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IMessenger} from "../../../contracts/interfaces/IMessenger.sol";
import {NexusAddresses} from "../../../contracts/interfaces/NexusAddresses.sol";

/// Trades when Core calls: each callback reads the book and places the next order, and native coin
/// that arrives goes straight back to the exchange.
contract Callbacks is CoreAccount {
    IMessenger private constant MESSENGER = IMessenger(NexusAddresses.MESSENGER);

    /// The best bid that the last callback saw.
    uint64 public seenBid;
    /// What the callback does after it has placed its order: 0 nothing, 1 revert, 2 endless loop.
    uint8 public mood;

    error Moody();

    function fund() external payable {
        _depositNative();
    }

    function set(uint8 next) external {
        mood = next;
    }

    function queue(uint64 price, uint64 size) external {
        MESSENGER.sendWithCallback(EXCHANGE_ID, _order(price, size), 200_000, 0, 1_000_000);
    }

    function leave(uint64 units) external {
        EXCHANGE.withdraw(USDX, units);
        LEDGER.toEvm(USDX, units, address(this));
    }

    function onCoreResult(uint256, uint8 status, bytes calldata) external {
        require(msg.sender == NexusAddresses.MESSENGER && status == 0);
        (uint64 bid,) = EXCHANGE.best(0);
        seenBid = bid;
        EXCHANGE.placeOrder(0, BUY, bid + 1, 1, GTC, 0, 0, CANCEL_MAKER);
        if (mood == 1) revert Moody();
        while (mood == 2) {}
    }

    receive() external payable {
        LEDGER.depositNative{value: msg.value}();
        LEDGER.depositTo(EXCHANGE_ID, USDX, uint64(msg.value / WEI_PER_UNIT));
        if (mood == 1) revert Moody();
    }

    function _order(uint64 price, uint64 size) private pure returns (bytes memory) {
        return abi.encodeCall(
            IExchange.placeOrder, (0, BUY, price, size, GTC, 0, 0, CANCEL_MAKER)
        );
    }
}
