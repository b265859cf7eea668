// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.22;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";

/// Behind a transparent proxy or, since it can upgrade itself, behind a plain one.
contract Box is OwnableUpgradeable, UUPSUpgradeable {
    uint256 public value;

    event Stored(uint256 value);

    constructor() {
        _disableInitializers();
    }

    function initialize(address owner, uint256 first) external initializer {
        __Ownable_init(owner);
        value = first;
    }

    function store(uint256 next) external {
        value = next;
        emit Stored(next);
    }

    function version() external pure virtual returns (uint256) {
        return 1;
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}
}

contract BoxV2 is Box {
    function increment() external {
        value++;
        emit Stored(value);
    }

    function version() external pure override returns (uint256) {
        return 2;
    }
}
