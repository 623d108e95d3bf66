/**
 * Signs many texts at once in a thread of its own, which gets the next lot when it has done the one before: what comes meanwhile is handed over together.
 * Few are signed at once where they are, while the disk works.
 */
import type { KeyObject } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { privateKeyToPem, signText } from '../base/ed25519.ts'

/** Handing over to a thread costs about as much as so many signatures. */
const HANDED_OVER_MIN = 4

/** What the thread does: a text, since it runs the same from sources and from what is built. */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const { createPrivateKey, sign } = require('node:crypto')
const key = createPrivateKey(workerData)
parentPort.on('message', (texts) => {
  parentPort.postMessage(texts.map((text) => sign(null, Buffer.from(text, 'utf8'), key).toString('base64url')))
})
`

interface Wanted {
  readonly text: string
  readonly resolve: (token: string) => void
  readonly reject: (error: unknown) => void
}

export class SigningThread {
  readonly #key: KeyObject
  #wanted: Wanted[] = []
  /** What the thread is signing; nothing while it is idle. */
  #handedOver: Wanted[] = []
  #isFlushing = false
  #worker: Worker | undefined

  constructor(key: KeyObject) {
    this.#key = key
  }

  /** `TEXT.SIGNATURE` for what `textOf` gives at once, with the signature that `signText` gives of it, after this turn of the event loop. Rejects where `textOf` throws. */
  token(textOf: () => string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#wanted.push({ text: textOf(), resolve, reject })
      if (this.#isFlushing || this.#handedOver.length > 0) return
      this.#isFlushing = true
      setImmediate(() => this.#flush())
    })
  }

  /** Ends the thread; what it has not signed is signed here. */
  close(): void {
    const worker = this.#worker
    this.#worker = undefined
    const left = [...this.#handedOver, ...this.#wanted]
    this.#handedOver = []
    this.#wanted = []
    void worker?.terminate()
    this.#signHere(left)
  }

  #flush(): void {
    this.#isFlushing = false
    if (this.#handedOver.length > 0) return
    const wanted = this.#wanted
    this.#wanted = []
    if (wanted.length < HANDED_OVER_MIN) {
      this.#signHere(wanted)
      return
    }
    this.#handedOver = wanted
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#thread().postMessage(wanted.map(({ text }) => text))
  }

  #thread(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(THREAD, { eval: true, workerData: privateKeyToPem(this.#key) })
    worker.on('message', (signatures: readonly string[]) => {
      // Signed here by now.
      if (this.#worker !== worker) return
      const signed = this.#handedOver
      this.#handedOver = []
      this.#flush()
      for (const [place, { text, resolve }] of signed.entries())
        resolve(`${text}.${signatures[place] as string}`)
    })
    // A thread that cannot run costs speed and nothing else; the next batch begins another.
    worker.on('error', () => {
      if (this.#worker === worker) this.close()
    })
    // It does not keep the process.
    worker.unref()
    this.#worker = worker
    return worker
  }

  #signHere(wanted: readonly Wanted[]): void {
    for (const { text, resolve, reject } of wanted) {
      try {
        resolve(`${text}.${signText(this.#key, text)}`)
      } catch (error) {
        reject(error)
      }
    }
  }
}
