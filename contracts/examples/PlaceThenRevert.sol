// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CoreAccount} from "./CoreAccount.sol";

/// Places one order in each of several nested frames, then reverts one of them after all frames
/// inside it succeeded. The orders of that frame and of those inside it were never placed.
contract PlaceThenRevert is CoreAccount {
    struct Order {
        uint16 market;
        uint8 side;
        uint64 price;
        uint64 size;
    }

    /// Frames that stood.
    uint256 public stood;

    error Undone(uint256 level);
    error OnlySelf();

    function fund() external payable {
        _depositNative();
    }

    /// Runs levels 1 to `depth`; level `revertAt` reverts, 0 for none. The transaction itself stands.
    function run(Order calldata order, uint256 depth, uint256 revertAt) external onlyOwner {
        try this.nest(order, 1, depth, revertAt) {} catch {}
    }

    /// Like `run`, but the transaction reverts, too.
    function runAndRevert(Order calldata order, uint256 depth) external onlyOwner {
        this.nest(order, 1, depth, 0);
        revert Undone(0);
    }

    function nest(Order calldata order, uint256 level, uint256 depth, uint256 revertAt) external {
        if (msg.sender != address(this)) revert OnlySelf();
        EXCHANGE.placeOrder(
            order.market, order.side, order.price, order.size, GTC, 0, 0, CANCEL_MAKER
        );
        stood++;
        if (level < depth) {
            try this.nest(order, level + 1, depth, revertAt) {} catch {}
        }
        if (level == revertAt) revert Undone(level);
    }
}
