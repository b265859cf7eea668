/** DATA of the JSON-RPC specification: two lower-case digits a byte. 0.1 µs for 32 bytes. */
export const data = (bytes: Uint8Array): string =>
  `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`

/** QUANTITY: no leading zeros, zero is `0x0`. */
export const quantity = (value: number | bigint): string => `0x${value.toString(16)}`

/** QUANTITY of big-endian bytes. */
export const quantityOfBytes = (bytes: Uint8Array): string => {
  const digits = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('hex')
    .replace(/^0+/, '')
  return `0x${digits === '' ? '0' : digits}`
}
