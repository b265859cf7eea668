// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// Computes, and stores only that it did.
contract Loop {
    uint256 public last;

    /// Each round is one step of a checked Fibonacci series, one of a 256-bit generator and one hash.
    function run(uint256 rounds) external {
        uint256 a;
        uint256 b = 1;
        uint256 word = uint256(keccak256("nexus"));
        bytes32 hash;
        for (uint256 i = 0; i < rounds; i++) {
            (a, b) = (b, (a + b) % 1000000007);
            unchecked {
                word ^= word << 13;
                word ^= word >> 7;
                word *= 0x9e3779b97f4a7c15f39cc0605cedc835;
            }
            hash = keccak256(abi.encode(hash, word, a));
        }
        last = uint256(hash);
    }
}
