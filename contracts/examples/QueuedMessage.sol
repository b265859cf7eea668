// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IExchange} from "../interfaces/IExchange.sol";
import {IMessenger} from "../interfaces/IMessenger.sol";
import {NexusAddresses} from "../interfaces/NexusAddresses.sol";
import {CoreAccount} from "./CoreAccount.sol";

/// Queues an order: it is placed before anything else of the next block, by this contract, and the
/// outcome comes back in the block after that.
contract QueuedMessage is CoreAccount {
    IMessenger private constant MESSENGER = IMessenger(NexusAddresses.MESSENGER);
    /// For the call itself, prepaid: EVM gas.
    uint64 private constant CALL_GAS = 200_000;

    enum State { Unknown, Waiting, Placed, Refused, OutOfGas }

    struct Order {
        State state;
        uint64 orderId;
        bytes reason;
    }

    mapping(uint256 messageId => Order) public orders;

    error OnlyMessenger();
    error UnknownMessage(uint256 messageId);

    function fund() external payable {
        _depositNative();
    }

    function queue(uint16 market, uint64 price, uint64 size, uint8 priority)
        external
        onlyOwner
        returns (uint64 messageId)
    {
        bytes memory call = abi.encodeCall(
            IExchange.placeOrder, (market, BUY, price, size, GTC, 0, 0, CANCEL_MAKER)
        );
        messageId = MESSENGER.send(EXCHANGE_ID, call, CALL_GAS, priority);
        orders[messageId].state = State.Waiting;
    }

    /// The messenger tells how it went: 0 success, 1 revert, 2 out of gas.
    function onCoreResult(uint256 messageId, uint8 status, bytes calldata returndata) external {
        if (msg.sender != NexusAddresses.MESSENGER) revert OnlyMessenger();
        Order storage order = orders[messageId];
        if (order.state != State.Waiting) revert UnknownMessage(messageId);
        if (status == 0) {
            order.state = State.Placed;
            order.orderId = abi.decode(returndata, (uint64));
        } else {
            order.state = status == 1 ? State.Refused : State.OutOfGas;
            order.reason = returndata;
        }
    }
}
