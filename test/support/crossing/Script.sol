// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// Does what it is told, step by step, in whatever frame it is run.
contract Script {
    enum Op { Call, StaticCall, DelegateCall, CallCode, Create, Store, Emit, Revert, Invalid, Destroy }

    struct Step {
        Op op;
        address target;
        uint256 value;
        /// For calls: no more gas than this; 0 gives all.
        uint256 gas;
        bytes data;
        /// A failed call fails the frame.
        bool must;
    }

    event Emitted(uint256 value);

    receive() external payable {}

    function run(Step[] calldata steps) external payable {
        for (uint256 i = 0; i < steps.length; i++) {
            Step calldata step = steps[i];
            if (step.op == Op.Store) {
                bytes32 slot = bytes32(uint256(uint160(step.target)));
                uint256 value = step.value;
                assembly { sstore(slot, value) }
            } else if (step.op == Op.Emit) {
                emit Emitted(step.value);
            } else if (step.op == Op.Revert) {
                revert("script");
            } else if (step.op == Op.Invalid) {
                assembly { invalid() }
            } else if (step.op == Op.Destroy) {
                address heir = step.target == address(1) ? address(this) : step.target;
                assembly { selfdestruct(heir) }
            } else if (!enter(step) && step.must) {
                revert("must");
            }
        }
    }

    function enter(Step calldata step) private returns (bool ok) {
        uint256 allowance = step.gas == 0 ? gasleft() : step.gas;
        if (step.op == Op.Call) {
            (ok,) = step.target.call{value: step.value, gas: allowance}(step.data);
        } else if (step.op == Op.StaticCall) {
            (ok,) = step.target.staticcall{gas: allowance}(step.data);
        } else if (step.op == Op.DelegateCall) {
            (ok,) = step.target.delegatecall{gas: allowance}(step.data);
        } else {
            bytes memory data = step.data;
            address target = step.target;
            uint256 value = step.value;
            if (step.op == Op.CallCode) {
                assembly { ok := callcode(allowance, target, value, add(data, 32), mload(data), 0, 0) }
            } else {
                assembly { ok := iszero(iszero(create(value, add(data, 32), mload(data)))) }
            }
        }
    }
}

/// Runs a script in its constructor, as itself.
contract Born {
    constructor(address script, bytes memory data) payable {
        (bool ok,) = script.delegatecall(data);
        require(ok, "born");
    }
}
