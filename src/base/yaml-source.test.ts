/** Every key and value of a YAML file knows its place, and YAML's surprises are named. */
import { describe, expect, test } from 'vitest'
import { Issues } from './issue.ts'
import { readYaml, yamlToJson, type YamlNode } from './yaml-source.ts'

function read(text: string): YamlNode {
  const issues = new Issues()
  const node = readYaml('file.yaml', text, issues)
  if (node === undefined) throw new Error(issues.list.map(({ message }) => message).join('\n'))
  return node
}
function problems(text: string): string[] {
  const issues = new Issues()
  expect(readYaml('file.yaml', text, issues)).toBeUndefined()
  return issues.list.map(({ line, column, message }) => `${line}:${column} ${message}`)
}
function at(node: YamlNode, ...path: (string | number)[]): YamlNode {
  const [head, ...rest] = path
  if (head === undefined) return node
  const inside =
    node.kind === 'map'
      ? node.entries.get(String(head))?.value
      : node.kind === 'list'
        ? node.items[Number(head)]
        : undefined
  if (inside === undefined) throw new Error(`nothing at ${head}`)
  return at(inside, ...rest)
}

describe('places', () => {
  const text = `# a comment\nrules:\n  - id: one   # more\n    forbid: "a > b"\n  - { id: two, forbid: 'it''s', list: [x, y] }\n`
  const root = read(text)

  test.each<[(string | number)[], number, number]>([
    [['rules'], 3, 3],
    [['rules', 0], 3, 5],
    [['rules', 0, 'id'], 3, 9],
    [['rules', 0, 'forbid'], 4, 13],
    [['rules', 1], 5, 5],
    [['rules', 1, 'list', 1], 5, 43],
  ])('of %j', (path, line, column) => {
    expect(at(root, ...path).place).toEqual({ file: 'file.yaml', line, column })
  })

  test('of keys', () => {
    const rule = at(root, 'rules', 0)
    expect(rule.kind === 'map' && rule.entries.get('forbid')?.place).toMatchObject({ line: 4, column: 5 })
  })

  test('of characters inside a quoted text, but not where quotes are doubled', () => {
    const quoted = at(root, 'rules', 0, 'forbid')
    const doubled = at(root, 'rules', 1, 'forbid')
    expect(quoted.kind === 'scalar' && quoted.placeAt(4)).toMatchObject({ line: 4, column: 18 })
    expect(doubled.kind === 'scalar' && doubled.placeAt(3)).toMatchObject(doubled.place)
  })

  test('of lines that end as Windows ends them', () => {
    const node = at(read('a: 1\r\nb:\r\n  c: x\r\n'), 'b', 'c')
    expect(node.place).toMatchObject({ line: 3, column: 6 })
    expect(yamlToJson(node)).toBe('x')
  })
})

describe('what YAML would take for something else', () => {
  test.each<[string, unknown]>([
    ['a: yes', { a: 'yes' }],
    ['a: NO', { a: 'NO' }],
    ['a: 0xabc', { a: '0xabc' }],
    ['a: 0o17', { a: '0o17' }],
    ['a: 12:30', { a: '12:30' }],
    ['a: 2026-01-01', { a: '2026-01-01' }],
    ['a: 1_000', { a: '1_000' }],
    ['a: 1.50', { a: 1.5 }],
    ['a: ~', { a: null }],
    ['a:', { a: null }],
    ['a: true', { a: true }],
    ['<<: { b: 1 }', { '<<': { b: 1 } }],
    ['"": 1', { '': 1 }],
    ['', null],
  ])('%s', (text, value) => {
    expect(yamlToJson(read(text))).toEqual(value)
  })

  test.each([
    ['a: 1\na: 2', '2:1', 'unique'],
    ['a: &x 1', '1:7', 'anchors and aliases are not read here'],
    ['a: &x { b: 1 }\nc: *x', '1:7', 'anchors and aliases'],
    ['a: &x 1\nb: *x\nc: *x', '1:7', 'anchors and aliases'],
    ['a: *x', '1:4', 'alias'],
    ['a: !x 1', '1:4', 'YAML reads `!x` as a tag; write `not` in a condition, and quotes around'],
    ['a: [!x, y]', '1:5', '`!x`'],
    ['a: !!str 1', '1:10', 'the tag `!!str` is not read here; leave it out'],
    ['a: !!set { b }', '1:10', 'tag'],
    ['1: x', '1:1', 'keys are text here'],
    ['true: x', '1:1', 'keys are text here'],
    ['? [a]\n: x', '1:3', 'keys are text here'],
    ['a: 1\n---\nb: 2', '2:1', 'multiple documents'],
    ['a:\n\tb: 1\n\tc: [2', '2:1', 'Tabs are not allowed as indentation; use blanks'],
    ['a: [1, 2', '1:9', ''],
    ['a: "open', '1:9', ''],
    ['%FOO bar\n---\na: 1', '1:1', 'directive'],
  ])('%j is one mistake', (text, place, message) => {
    const [first = '', ...more] = problems(text)
    expect(first).toContain(message)
    expect(first.split(' ')[0]).toBe(place)
    expect(more).toEqual([])
  })

  test('two mistakes that have nothing to do with each other are both named', () => {
    expect(problems('a: !x 1\na: 2\nb: [1').map((one) => one.split(' ')[0])).toEqual(['2:1', '1:4', '3:6'])
  })
})

describe('a file that is read again', () => {
  test('is the same while its text is, and another after an edit and back', () => {
    const first = read('a: 1')
    expect(read('a: 1')).toBe(first)
    const second = read('a: 2')
    expect(yamlToJson(second)).toEqual({ a: 2 })
    expect(yamlToJson(read('a: 1'))).toEqual({ a: 1 })
  })

  test('is told of by its own name', () => {
    read('a: 1')
    expect(readYaml('other.yaml', 'a: 1', new Issues())?.place.file).toBe('other.yaml')
  })

  test('is complained of each time', () => {
    expect(problems('a: !!str 1')).toEqual(problems('a: !!str 1'))
    expect(problems('a: &b 1').length).toBeGreaterThan(0)
    expect(problems('a: [1').length).toBeGreaterThan(0)
    expect(problems('a: [1').length).toBeGreaterThan(0)
  })
})
