// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CommitVerifier} from "../../../contracts/light/CommitVerifier.sol";

/// The library by itself.
contract CommitChecker {
    function blockId(bytes calldata header) external pure returns (bytes32) {
        return CommitVerifier.blockId(header);
    }

    function validatorsHash(CommitVerifier.Validator[] calldata validators) external pure returns (bytes32) {
        return CommitVerifier.validatorsHash(validators);
    }

    function check(
        uint64 chainId,
        uint64 height,
        uint32 round,
        bytes32 id,
        bytes32 set,
        CommitVerifier.Validator[] calldata validators,
        CommitVerifier.Signature[] calldata signatures
    ) external pure returns (bool) {
        if (CommitVerifier.validatorsHash(validators) != set) revert CommitVerifier.BadSet();
        CommitVerifier.requireQuorum(
            CommitVerifier.precommitDigest(chainId, height, round, id), validators, signatures
        );
        return true;
    }
}
