import { type EngineHardfork, isAtLeast } from '../forks.ts'

/** One opcode: what it takes from the stack and leaves there, and the part of its gas that is always the same. */
export type Opcode = {
  readonly code: number
  readonly name: string
  readonly takes: number
  readonly leaves: number
  readonly fee: number
}

/** The rules of a fork. */
export type Fork = {
  readonly name: EngineHardfork
  readonly opcodes: readonly Opcode[]
  /**
   * By opcode, what it demands: its fee in the low 16 bits, in 8 bits the least number of items on the stack, and
   * above them by how many the stack grows. Undefined ones demand nothing: they fail when they run.
   */
  readonly demands: Int32Array
  /** By how many items the stack is larger afterwards. */
  readonly changes: Int8Array
  /** The same apart, for who tells about it. */
  readonly fees: Uint16Array
  readonly least: Uint16Array
  /** Items on the stack above which there is no room for what it leaves. */
  readonly most: Uint16Array
  readonly names: readonly string[]
  /** EIP-7702. */
  readonly delegates: boolean
}

export const STACK_LIMIT = 1_024

export function forkOf(name: EngineHardfork): Fork {
  const opcodes = OPCODES.filter(({ code }) => code !== CLZ || isAtLeast(name, 'osaka'))
  const demands = new Int32Array(256)
  const changes = new Int8Array(256)
  const fees = new Uint16Array(256)
  const least = new Uint16Array(256)
  const most = new Uint16Array(256).fill(STACK_LIMIT)
  const names = Array.from(
    { length: 256 },
    (_, code) => `opcode 0x${code.toString(16)} not defined`,
  )
  for (const opcode of opcodes) {
    const { code } = opcode
    const grows = Math.max(0, opcode.leaves - opcode.takes)
    changes[code] = opcode.leaves - opcode.takes
    fees[code] = opcode.fee
    least[code] = opcode.takes
    most[code] = STACK_LIMIT - grows
    demands[code] = opcode.fee | (opcode.takes << 16) | (grows << 24)
    names[code] = opcode.name
  }
  const delegates = isAtLeast(name, 'prague')
  return { name, opcodes, demands, changes, fees, least, most, names, delegates }
}

const CLZ = 0x1e

const row = (
  code: number,
  name: string,
  [takes, leaves]: readonly [number, number],
  fee: number,
): Opcode => ({ code, name, takes, leaves, fee })

/** Yellow Paper, appendix G and H, as of Osaka. */
const OPCODES: readonly Opcode[] = [
  row(0x00, 'STOP', [0, 0], 0),
  row(0x01, 'ADD', [2, 1], 3),
  row(0x02, 'MUL', [2, 1], 5),
  row(0x03, 'SUB', [2, 1], 3),
  row(0x04, 'DIV', [2, 1], 5),
  row(0x05, 'SDIV', [2, 1], 5),
  row(0x06, 'MOD', [2, 1], 5),
  row(0x07, 'SMOD', [2, 1], 5),
  row(0x08, 'ADDMOD', [3, 1], 8),
  row(0x09, 'MULMOD', [3, 1], 8),
  row(0x0a, 'EXP', [2, 1], 10),
  row(0x0b, 'SIGNEXTEND', [2, 1], 5),
  row(0x10, 'LT', [2, 1], 3),
  row(0x11, 'GT', [2, 1], 3),
  row(0x12, 'SLT', [2, 1], 3),
  row(0x13, 'SGT', [2, 1], 3),
  row(0x14, 'EQ', [2, 1], 3),
  row(0x15, 'ISZERO', [1, 1], 3),
  row(0x16, 'AND', [2, 1], 3),
  row(0x17, 'OR', [2, 1], 3),
  row(0x18, 'XOR', [2, 1], 3),
  row(0x19, 'NOT', [1, 1], 3),
  row(0x1a, 'BYTE', [2, 1], 3),
  row(0x1b, 'SHL', [2, 1], 3),
  row(0x1c, 'SHR', [2, 1], 3),
  row(0x1d, 'SAR', [2, 1], 3),
  row(CLZ, 'CLZ', [1, 1], 5),
  row(0x20, 'KECCAK256', [2, 1], 30),
  row(0x30, 'ADDRESS', [0, 1], 2),
  row(0x31, 'BALANCE', [1, 1], 0),
  row(0x32, 'ORIGIN', [0, 1], 2),
  row(0x33, 'CALLER', [0, 1], 2),
  row(0x34, 'CALLVALUE', [0, 1], 2),
  row(0x35, 'CALLDATALOAD', [1, 1], 3),
  row(0x36, 'CALLDATASIZE', [0, 1], 2),
  row(0x37, 'CALLDATACOPY', [3, 0], 3),
  row(0x38, 'CODESIZE', [0, 1], 2),
  row(0x39, 'CODECOPY', [3, 0], 3),
  row(0x3a, 'GASPRICE', [0, 1], 2),
  row(0x3b, 'EXTCODESIZE', [1, 1], 0),
  row(0x3c, 'EXTCODECOPY', [4, 0], 0),
  row(0x3d, 'RETURNDATASIZE', [0, 1], 2),
  row(0x3e, 'RETURNDATACOPY', [3, 0], 3),
  row(0x3f, 'EXTCODEHASH', [1, 1], 0),
  row(0x40, 'BLOCKHASH', [1, 1], 20),
  row(0x41, 'COINBASE', [0, 1], 2),
  row(0x42, 'TIMESTAMP', [0, 1], 2),
  row(0x43, 'NUMBER', [0, 1], 2),
  row(0x44, 'DIFFICULTY', [0, 1], 2),
  row(0x45, 'GASLIMIT', [0, 1], 2),
  row(0x46, 'CHAINID', [0, 1], 2),
  row(0x47, 'SELFBALANCE', [0, 1], 5),
  row(0x48, 'BASEFEE', [0, 1], 2),
  row(0x49, 'BLOBHASH', [1, 1], 3),
  row(0x4a, 'BLOBBASEFEE', [0, 1], 2),
  row(0x50, 'POP', [1, 0], 2),
  row(0x51, 'MLOAD', [1, 1], 3),
  row(0x52, 'MSTORE', [2, 0], 3),
  row(0x53, 'MSTORE8', [2, 0], 3),
  row(0x54, 'SLOAD', [1, 1], 0),
  row(0x55, 'SSTORE', [2, 0], 0),
  row(0x56, 'JUMP', [1, 0], 8),
  row(0x57, 'JUMPI', [2, 0], 10),
  row(0x58, 'PC', [0, 1], 2),
  row(0x59, 'MSIZE', [0, 1], 2),
  row(0x5a, 'GAS', [0, 1], 2),
  row(0x5b, 'JUMPDEST', [0, 0], 1),
  row(0x5c, 'TLOAD', [1, 1], 100),
  row(0x5d, 'TSTORE', [2, 0], 100),
  row(0x5e, 'MCOPY', [3, 0], 3),
  row(0x5f, 'PUSH0', [0, 1], 2),
  ...Array.from({ length: 32 }, (_, i) => row(0x60 + i, `PUSH${i + 1}`, [0, 1], 3)),
  ...Array.from({ length: 16 }, (_, i) => row(0x80 + i, `DUP${i + 1}`, [i + 1, i + 2], 3)),
  ...Array.from({ length: 16 }, (_, i) => row(0x90 + i, `SWAP${i + 1}`, [i + 2, i + 2], 3)),
  ...Array.from({ length: 5 }, (_, i) => row(0xa0 + i, `LOG${i}`, [i + 2, 0], 375 * (i + 1))),
  row(0xf0, 'CREATE', [3, 1], 32_000),
  row(0xf1, 'CALL', [7, 1], 0),
  row(0xf2, 'CALLCODE', [7, 1], 0),
  row(0xf3, 'RETURN', [2, 0], 0),
  row(0xf4, 'DELEGATECALL', [6, 1], 0),
  row(0xf5, 'CREATE2', [4, 1], 32_000),
  row(0xfa, 'STATICCALL', [6, 1], 0),
  row(0xfd, 'REVERT', [2, 0], 0),
  row(0xfe, 'INVALID', [0, 0], 0),
  row(0xff, 'SELFDESTRUCT', [1, 0], 5_000),
]
