// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IExchange} from "../interfaces/IExchange.sol";
import {CoreAccount} from "./CoreAccount.sol";

/// Swaps against the book for anyone, at no worse price than asked for. It keeps nothing: what was
/// bought, and what was not spent, is on its way to the caller when a swap ends.
contract SwapWithLimit is CoreAccount {
    event Swapped(address indexed caller, uint16 market, uint64 lots, uint64 paidOut, uint64 returned);

    /// Fewer lots than `least` were to be had at the limit.
    error TooFew(uint64 filled);

    /// Native coin for the base of a market: up to `lots`, none above `limit` ticks.
    function buy(uint16 market, uint64 lots, uint64 least, uint64 limit) external payable {
        _depositNative();
        _swap(market, BUY, lots, least, limit);
    }

    /// The base's tokens, which the caller has approved, for native coin: none below `limit` ticks.
    function sell(uint16 market, uint64 lots, uint64 least, uint64 limit, uint256 amount) external {
        _depositToken(EXCHANGE.market(market).base, amount);
        _swap(market, SELL, lots, least, limit);
    }

    function _swap(uint16 market, uint8 side, uint64 lots, uint64 least, uint64 limit) private {
        // Immediate or cancel: what the book does not give at the limit is not kept.
        (, uint64 filled,,,) = EXCHANGE.placeOrder(market, side, limit, lots, IOC, 0, 0, CANCEL_MAKER);
        if (filled < least) revert TooFew(filled);
        IExchange.Market memory terms = EXCHANGE.market(market);
        (uint16 got, uint16 gave) = side == BUY ? (terms.base, terms.quote) : (terms.quote, terms.base);
        emit Swapped(msg.sender, market, filled, _payOut(got, msg.sender), _payOut(gave, msg.sender));
    }
}
