import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JsonValue, parseJson } from '../../../genesis/json.ts'

type Plain = Plain[] | { [key: string]: Plain } | string | number | boolean | null

const plain = (value: JsonValue): Plain => {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, member]) => [key, plain(member)]))
  return Array.isArray(value) ? value.map((element: JsonValue) => plain(element)) : (value as Plain)
}

/** What our parser makes of a text, or its problem codes. */
function outcome(text: string): Plain {
  const parsed = parseJson(text, 10_000)
  return parsed.ok ? plain(parsed.value) : parsed.problems.map(({ code }) => code).join()
}

describe('parseJson', () => {
  it('agrees with JSON.parse on every value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 1, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        // `__proto__` as a key survives only in our maps; JSON.parse would set it as well.
        expect(outcome(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  it('agrees with JSON.parse on what is not JSON', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"\\',
      '\\u12',
      '1',
      '-',
      '01',
      '1e',
      '.5',
      'true',
      'nul',
      ' ',
      '\n',
      "'",
      '\u0001',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (chosen) => {
        const text = chosen.join('')
        let expected: Plain = 'NOT_JSON'
        try {
          expected = JSON.parse(text) as Plain
        } catch {}
        if (outcome(text) !== 'DUPLICATE_KEY') expect(outcome(text)).toEqual(expected)
      }),
      { numRuns: 3_000 },
    )
  })

  it.each([
    ['{"a":1,"a":2}', 'DUPLICATE_KEY'],
    ['{"a":1,"\\u0061":2}', 'DUPLICATE_KEY'],
    ['[{"b":1,"b":1},{"b":1,"b":1}]', 'DUPLICATE_KEY,DUPLICATE_KEY'],
    ['"unfinished', 'NOT_JSON'],
    ['"escaped end\\', 'NOT_JSON'],
    [`"${'x'.repeat(10_000)}"`, 'TOO_LARGE'],
    ['[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]', [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]],
    ['[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]', 'NOT_JSON'],
  ])('gives for %s: %s', (text, expected) => {
    expect(outcome(text)).toEqual(expected)
  })

  it('says where the text is wrong', () => {
    const parsed = parseJson('{\n  "list": [1, 2 3]\n}', 1_000)
    expect(parsed).toEqual({
      ok: false,
      problems: [
        {
          path: 'list[1]',
          code: 'NOT_JSON',
          expected: '"," or "]" after the value',
          found: '"3]\\n}" at line 2, column 17',
        },
      ],
    })
  })
})
