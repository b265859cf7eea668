// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Counter} from "../src/Counter.sol";

interface Vm {
    function envAddress(string calldata name) external view returns (address);
    function envUint(string calldata name) external view returns (uint256);
    function prank(address sender) external;
    function expectRevert(bytes calldata data) external;
}

/// Runs on the state of a devnet that `forge test --fork-url` reads over JSON-RPC.
contract ForkTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    bool public constant IS_TEST = true;
    Counter private counter;

    function setUp() external {
        counter = Counter(vm.envAddress("COUNTER"));
    }

    function testReadsStateOfTheChain() external view {
        require(block.chainid == vm.envUint("CHAIN_ID"), "chain id");
        require(counter.number() == vm.envUint("NUMBER"), "a slot of the chain");
        require(0x4e59b44847b379578588920cA78FbF26c0B4956C.code.length == 69, "code of the genesis");
        require(vm.envAddress("RICH").balance > 1 ether, "a balance");
    }

    function testWritesOnTopOfIt() external {
        vm.prank(vm.envAddress("RICH"));
        counter.setNumber(5);
        counter.increment();
        require(counter.number() == 6, "written here");
        vm.expectRevert(abi.encodeWithSelector(Counter.TooLarge.selector, 1001));
        counter.setNumber(1001);
    }
}
