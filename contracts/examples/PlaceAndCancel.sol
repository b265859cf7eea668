// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CoreAccount} from "./CoreAccount.sol";

/// Rests an order on the exchange and takes it off again, in two transactions or in one.
contract PlaceAndCancel is CoreAccount {
    event Resting(uint64 orderId);
    event Cancelled(uint64 orderId, uint64 size);

    function fund() external payable {
        _depositNative();
    }

    /// Prices are ticks, sizes are lots; `size` is what shall be bought at no more than `price`.
    function place(uint16 market, uint64 price, uint64 size) public onlyOwner returns (uint64 orderId) {
        (orderId,,,,) = EXCHANGE.placeOrder(market, BUY, price, size, GTC, 0, 0, CANCEL_MAKER);
        emit Resting(orderId);
    }

    /// Returns what of the order was still open.
    function cancel(uint16 market, uint64 orderId) public onlyOwner returns (uint64 size) {
        size = EXCHANGE.cancel(market, orderId);
        emit Cancelled(orderId, size);
    }

    function placeAndCancel(uint16 market, uint64 price, uint64 size) external returns (uint64) {
        return cancel(market, place(market, price, size));
    }

    function withdraw(uint16 asset) external onlyOwner returns (uint64) {
        return _payOut(asset, owner);
    }
}
