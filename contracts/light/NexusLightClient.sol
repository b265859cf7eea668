// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CommitVerifier} from "./CommitVerifier.sol";

/// Follows a Nexus chain on another chain: anybody brings headers and certificates, nobody is believed.
/// The same rules as consensus/light/verify.ts, at trust level one third.
contract NexusLightClient {
    struct Trusted {
        uint64 height;
        /// Milliseconds.
        uint64 time;
        bytes32 blockId;
        bytes32 nextValidatorsHash;
    }

    error WrongChain(uint64 chainId);
    error Expired(uint64 time);
    error FromFuture(uint64 time);
    error NotLater(uint64 height, uint64 time);
    error NotAdjacent(uint64 height);
    error BrokenChain(bytes32 previousBlockId);
    error WrongValidators(bytes32 hash);
    error WrongPosition(uint256 at);
    error NotEnoughTrust(uint256 signed, uint256 total);

    event Advanced(uint64 indexed height, bytes32 blockId, bytes32 stateRoot);

    /// In `positions`: a signer who is not in the trusted set.
    uint16 public constant STRANGER = type(uint16).max;

    uint64 public immutable chainId;
    /// Shorter than the unbonding period of the chain.
    uint64 public immutable trustingPeriodMs;
    uint64 public immutable maxClockDriftMs;

    Trusted public trusted;
    /// By height, of the state after it. Zero where no header of the next height came by.
    mapping(uint64 height => bytes32) public stateRootAfter;

    /// `start` comes from somebody the deployer trusts: of a header, or of the genesis at height 0.
    constructor(uint64 chainId_, uint64 trustingPeriodMs_, uint64 maxClockDriftMs_, Trusted memory start) {
        chainId = chainId_;
        trustingPeriodMs = trustingPeriodMs_;
        maxClockDriftMs = maxClockDriftMs_;
        trusted = start;
    }

    /// The next height: its validators are those the trusted header announced.
    function advance(
        bytes calldata header,
        uint32 round,
        CommitVerifier.Validator[] calldata validators,
        CommitVerifier.Signature[] calldata signatures
    ) external {
        bytes32 id = checkHeader(header);
        uint64 height = CommitVerifier.heightOf(header);
        if (height != trusted.height + 1) revert NotAdjacent(height);
        bytes32 previous = CommitVerifier.previousBlockIdOf(header);
        if (previous != trusted.blockId) revert BrokenChain(previous);
        bytes32 set = CommitVerifier.validatorsHashOf(header);
        if (set != trusted.nextValidatorsHash) revert WrongValidators(set);
        accept(header, id, round, validators, signatures);
    }

    /// Any later height: more than a third of the trusted power signed, too. `positions` says for each
    /// signature where its validator is among the trusted ones, rising, or STRANGER.
    function skip(
        bytes calldata header,
        uint32 round,
        CommitVerifier.Validator[] calldata validators,
        CommitVerifier.Signature[] calldata signatures,
        CommitVerifier.Validator[] calldata trustedValidators,
        uint16[] calldata positions
    ) external {
        bytes32 id = checkHeader(header);
        // The next height must be the announced one: `advance` asks for more.
        uint64 height = CommitVerifier.heightOf(header);
        if (height == trusted.height + 1) revert NotAdjacent(height);
        bytes32 set = CommitVerifier.validatorsHash(trustedValidators);
        if (set != trusted.nextValidatorsHash) revert WrongValidators(set);
        requireTrust(validators, signatures, trustedValidators, positions);
        accept(header, id, round, validators, signatures);
    }

    /// Whether these are the roots of both machines, the message queue and the validators after a height.
    function verifyState(uint64 height, bytes32 evmRoot, bytes32 coreRoot, bytes32 queueRoot, bytes32 consensusRoot)
        external
        view
        returns (bool)
    {
        bytes32 root = stateRootAfter[height];
        bytes memory state = abi.encodePacked(uint8(0x34), evmRoot, coreRoot, queueRoot, consensusRoot, height);
        return root != bytes32(0) && root == sha256(state);
    }

    function checkHeader(bytes calldata header) private view returns (bytes32 id) {
        id = CommitVerifier.blockId(header);
        uint64 chain = CommitVerifier.chainIdOf(header);
        if (chain != chainId) revert WrongChain(chain);
        uint256 nowMs = block.timestamp * 1000;
        if (uint256(trusted.time) + trustingPeriodMs <= nowMs) revert Expired(trusted.time);
        (uint64 height, uint64 time) = (CommitVerifier.heightOf(header), CommitVerifier.timeOf(header));
        if (height <= trusted.height || time <= trusted.time) revert NotLater(height, time);
        if (time >= nowMs + maxClockDriftMs) revert FromFuture(time);
    }

    /// Who is counted here signed, or `accept` reverts.
    function requireTrust(
        CommitVerifier.Validator[] calldata validators,
        CommitVerifier.Signature[] calldata signatures,
        CommitVerifier.Validator[] calldata trustedValidators,
        uint16[] calldata positions
    ) private pure {
        uint256 total = 0;
        for (uint256 i = 0; i < trustedValidators.length; i++) total += trustedValidators[i].power;
        if (positions.length != signatures.length) revert WrongPosition(positions.length);
        uint256 signed = 0;
        uint256 from = 0;
        for (uint256 i = 0; i < positions.length; i++) {
            uint256 position = positions[i];
            if (position == STRANGER) continue;
            uint256 index = signatures[i].index;
            if (position < from || position >= trustedValidators.length || index >= validators.length) {
                revert WrongPosition(i);
            }
            from = position + 1;
            CommitVerifier.Validator calldata known = trustedValidators[position];
            if (known.x != validators[index].x || known.y != validators[index].y) revert WrongPosition(i);
            signed += known.power;
        }
        if (3 * signed <= total) revert NotEnoughTrust(signed, total);
    }

    function accept(
        bytes calldata header,
        bytes32 id,
        uint32 round,
        CommitVerifier.Validator[] calldata validators,
        CommitVerifier.Signature[] calldata signatures
    ) private {
        bytes32 set = CommitVerifier.validatorsHash(validators);
        if (set != CommitVerifier.validatorsHashOf(header)) revert WrongValidators(set);
        uint64 height = CommitVerifier.heightOf(header);
        CommitVerifier.requireQuorum(
            CommitVerifier.precommitDigest(chainId, height, round, id), validators, signatures
        );
        bytes32 root = CommitVerifier.stateRootOf(header);
        trusted = Trusted(height, CommitVerifier.timeOf(header), id, CommitVerifier.nextValidatorsHashOf(header));
        stateRootAfter[height - 1] = root;
        emit Advanced(height, id, root);
    }
}
