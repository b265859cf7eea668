// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// What an account delegates to with EIP-7702: several calls in one transaction, and a counter in the account's own storage.
contract Delegate {
    struct Call {
        address target;
        uint256 value;
        bytes data;
    }

    event Executed(address indexed account, address indexed sender, uint256 calls);

    error CallFailed(uint256 index);

    uint256 public executions;

    function execute(Call[] calldata calls) external payable {
        for (uint256 i = 0; i < calls.length; i++) {
            (bool ok, ) = calls[i].target.call{value: calls[i].value}(calls[i].data);
            if (!ok) revert CallFailed(i);
        }
        executions += 1;
        emit Executed(address(this), msg.sender, calls.length);
    }

    receive() external payable {}
}
