// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// Verifies that more than two thirds of a set of Nexus validators committed a block.
/// All bytes are those of core/chain: big-endian, fixed widths.
library CommitVerifier {
    /// A public key with both coordinates, so that its address needs no square root. The set's hash
    /// covers x and the parity of y; together with the curve that leaves one y.
    struct Validator {
        uint256 x;
        uint256 y;
        uint64 power;
        int64 priority;
    }

    /// EIP-2098: the top bit of `vs` is the parity of the recovered point, the rest is s.
    struct Signature {
        uint16 index;
        bytes32 r;
        bytes32 vs;
    }

    error BadHeader(uint256 length);
    error BadSet();
    /// Signatures are in ascending order of their validators, each once.
    error NotAscending(uint256 at);
    error UnknownSigner(uint256 index);
    error NotOnCurve(uint256 index);
    error HighS(uint256 index);
    error WrongSigner(uint256 index);
    error NotEnoughPower(uint256 signed, uint256 total);

    uint256 internal constant HEADER_BYTES = 268;
    uint256 internal constant MAX_VALIDATORS = 128;
    uint256 private constant P = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;
    uint256 private constant HALF_N = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    uint256 private constant S_MASK = type(uint256).max >> 1;

    uint8 private constant DOMAIN_PRECOMMIT = 0x02;
    uint8 private constant DOMAIN_HEADER = 0x30;
    uint8 private constant DOMAIN_VALIDATOR = 0x31;
    uint8 private constant DOMAIN_TREE_NODE = 0x3a;

    function blockId(bytes calldata header) internal pure returns (bytes32) {
        if (header.length != HEADER_BYTES) revert BadHeader(header.length);
        return sha256(abi.encodePacked(DOMAIN_HEADER, header));
    }

    /// What a validator signs for a block: 54 bytes under Keccak.
    function precommitDigest(uint64 chainId, uint64 height, uint32 round, bytes32 id)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(DOMAIN_PRECOMMIT, chainId, height, round, uint8(1), id));
    }

    /// Merkle root over key, power and priority in address order; an odd node moves up unchanged.
    function validatorsHash(Validator[] calldata validators) internal pure returns (bytes32) {
        uint256 count = validators.length;
        if (count == 0 || count > MAX_VALIDATORS) revert BadSet();
        bytes32[] memory level = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            Validator calldata one = validators[i];
            uint8 prefix = uint8(2 + (one.y & 1));
            level[i] = sha256(abi.encodePacked(DOMAIN_VALIDATOR, prefix, one.x, one.power, one.priority));
        }
        while (count > 1) {
            uint256 next = count / 2;
            for (uint256 i = 0; i < next; i++) {
                level[i] = sha256(abi.encodePacked(DOMAIN_TREE_NODE, level[2 * i], level[2 * i + 1]));
            }
            if (count % 2 == 1) level[next++] = level[count - 1];
            count = next;
        }
        return level[0];
    }

    /// Reverts unless every signature is of its validator and their power is more than two thirds.
    /// The caller knows that the set is the right one.
    function requireQuorum(bytes32 digest, Validator[] calldata validators, Signature[] calldata signatures)
        internal
        pure
    {
        uint256 total = 0;
        for (uint256 i = 0; i < validators.length; i++) total += validators[i].power;
        uint256 signed = 0;
        uint256 from = 0;
        for (uint256 i = 0; i < signatures.length; i++) {
            Signature calldata signature = signatures[i];
            uint256 index = signature.index;
            if (index < from) revert NotAscending(i);
            if (index >= validators.length) revert UnknownSigner(index);
            from = index + 1;
            requireSigned(digest, validators[index], signature);
            signed += validators[index].power;
        }
        if (3 * signed <= 2 * total) revert NotEnoughPower(signed, total);
    }

    function requireSigned(bytes32 digest, Validator calldata validator, Signature calldata signature) private pure {
        (uint256 x, uint256 y) = (validator.x, validator.y);
        if (y >= P || mulmod(y, y, P) != addmod(mulmod(mulmod(x, x, P), x, P), 7, P)) {
            revert NotOnCurve(signature.index);
        }
        uint256 s = uint256(signature.vs) & S_MASK;
        if (s > HALF_N) revert HighS(signature.index);
        uint8 v = uint8(27 + (uint256(signature.vs) >> 255));
        address signer = ecrecover(digest, v, signature.r, bytes32(s));
        address expected = address(uint160(uint256(keccak256(abi.encodePacked(x, y)))));
        if (signer == address(0) || signer != expected) revert WrongSigner(signature.index);
    }

    function chainIdOf(bytes calldata header) internal pure returns (uint64) {
        return uint64(bytes8(header[0:8]));
    }

    function heightOf(bytes calldata header) internal pure returns (uint64) {
        return uint64(bytes8(header[8:16]));
    }

    /// Milliseconds.
    function timeOf(bytes calldata header) internal pure returns (uint64) {
        return uint64(bytes8(header[16:24]));
    }

    function previousBlockIdOf(bytes calldata header) internal pure returns (bytes32) {
        return bytes32(header[24:56]);
    }

    function validatorsHashOf(bytes calldata header) internal pure returns (bytes32) {
        return bytes32(header[76:108]);
    }

    function nextValidatorsHashOf(bytes calldata header) internal pure returns (bytes32) {
        return bytes32(header[108:140]);
    }

    /// After the height before.
    function stateRootOf(bytes calldata header) internal pure returns (bytes32) {
        return bytes32(header[204:236]);
    }
}
