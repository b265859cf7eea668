// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

contract Counter {
    uint256 public number;

    event NumberSet(address indexed by, uint256 number);

    error TooLarge(uint256 number);

    constructor(uint256 first) {
        number = first;
    }

    function setNumber(uint256 next) external {
        if (next > 1000) revert TooLarge(next);
        number = next;
        emit NumberSet(msg.sender, next);
    }

    function increment() external {
        number++;
    }
}
