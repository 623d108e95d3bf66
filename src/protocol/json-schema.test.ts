import { expect, test } from 'vitest'
import { jsonSchemas } from './json-schema.ts'

test('every message has a JSON Schema that refuses what it does not know', () => {
  const schemas = jsonSchemas()
  expect(Object.keys(schemas)).toContain('ActionRequest')
  for (const [name, schema] of Object.entries(schemas)) {
    expect(schema.$id, name).toBe(`urn:ephor:schema:${name}`)
    const text = JSON.stringify(schema)
    expect(text, name).not.toContain('"additionalProperties":true')
    const objects = text.match(/"type":"object"/g) ?? []
    const closed = text.match(/"additionalProperties":/g) ?? []
    expect(closed.length, name).toBeGreaterThanOrEqual(objects.length)
  }
})
