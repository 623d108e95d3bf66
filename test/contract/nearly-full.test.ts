/** A disk that takes a part of what is written, by the limit that the system sets on the size of files. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { inDirectory } from '../journal-support/journals.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CLI = join(ROOT, 'dist/cli/main.js')
/** In 1,024 bytes: less than the text of the constitution has. */
const LIMIT = 16

test('a constitution that is not written whole does not come into force', () =>
  inDirectory(async (directory) => {
    const home = join(directory, 'home')
    const serve = `ulimit -f ${LIMIT}; exec "$0" "$@"`
    const words = [CLI, 'serve', '--port', '0', '--home', home]
    const ended = await new Promise<{ code: unknown; error: string }>((done) => {
      execFile(
        'bash',
        ['-c', serve, process.execPath, ...words],
        { cwd: ROOT, timeout: 60_000 },
        (error, _, stderr) => done({ code: error?.code ?? 0, error: stderr }),
      )
    })
    expect(ended).toEqual({ code: 2, error: expect.stringContaining('EFBIG') })
    expect(readdirSync(join(home, 'constitutions')).filter((name) => !name.endsWith('.partial'))).toEqual([])
  }))
