// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IExchange} from "../interfaces/IExchange.sol";
import {CoreAccount} from "./CoreAccount.sol";

/// Makes a market: both sides are quoted again in one transaction, so the book never shows one
/// without the other, and nothing happens if either is refused.
contract QuotingVault is CoreAccount {
    uint16 public immutable market;
    uint16 public immutable base;
    uint16 public immutable quote;

    uint64 public bid;
    uint64 public ask;

    event Quoted(uint64 bid, uint64 ask, uint64 bidPrice, uint64 askPrice, uint64 size);

    constructor(uint16 market_) {
        IExchange.Market memory terms = EXCHANGE.market(market_);
        (market, base, quote) = (market_, terms.base, terms.quote);
    }

    function deposit() external payable {
        _depositNative();
    }

    /// Tokens of the base, which the caller has approved.
    function depositBase(uint256 amount) external {
        _depositToken(base, amount);
    }

    /// Native coin comes in and stands in the book when the transaction ends.
    function depositAndQuote(uint64 bidPrice, uint64 askPrice, uint64 size) external payable {
        _depositNative();
        requote(bidPrice, askPrice, size);
    }

    /// Prices in ticks, size in lots on each side. A quote that would take is refused.
    function requote(uint64 bidPrice, uint64 askPrice, uint64 size) public onlyOwner {
        EXCHANGE.cancelAll(market);
        bid = _rest(BUY, bidPrice, size);
        ask = _rest(SELL, askPrice, size);
        emit Quoted(bid, ask, bidPrice, askPrice, size);
    }

    /// Leaves the book and sends everything to the owner.
    function close() external onlyOwner {
        EXCHANGE.cancelAll(market);
        (bid, ask) = (0, 0);
        _payOut(base, owner);
        _payOut(quote, owner);
    }

    function _rest(uint8 side, uint64 price, uint64 size) private returns (uint64 orderId) {
        (orderId,,,,) = EXCHANGE.placeOrder(market, side, price, size, POST_ONLY, 0, 0, CANCEL_MAKER);
    }
}
