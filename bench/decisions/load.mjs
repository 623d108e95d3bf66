/**
 * A child process that calls: `connections` keep-alive connections, each with one request on its way, until the count or the time
 * is used up. It speaks HTTP/1.1 on plain sockets, so that the caller costs as little of the machine as it can.
 */
import { connect } from 'node:net'
import { request } from './world.mjs'

process.once('disconnect', () => process.exit(0))
process.on('message', (job) => {
  run(job).then(
    (result) => process.send(result),
    (error) => process.send({ error: String(error) }),
  )
})
process.send('ready')

async function run({ target, token, connections, countMax, ms, stream }) {
  const latencies = []
  const verdicts = {}
  let left = countMax
  const started = performance.now()
  const end = started + ms
  const head = `POST /v1/actions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: `
  const isMore = () => left > 0 && performance.now() < end
  const caller = () =>
    new Promise((done, failed) => {
      const socket = connect(target)
      socket.setNoDelay(true)
      let received = ''
      let sentAt = 0
      const send = () => {
        left -= 1
        const body = JSON.stringify(request(Date.now(), stream))
        received = ''
        sentAt = performance.now()
        socket.write(`${head}${body.length}\r\n\r\n${body}`)
      }
      socket.setEncoding('latin1')
      socket.once('connect', send)
      socket.once('error', failed)
      socket.on('data', (text) => {
        received += text
        if (!isWhole(received)) return
        latencies.push((performance.now() - sentAt) * 1000)
        const verdict = /"verdict":"(\w+)"/.exec(received)?.[1]
        if (verdict !== 'allow') {
          failed(new Error(`not allowed: ${received.slice(0, 2000)}`))
          return
        }
        verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
        if (isMore()) send()
        else {
          socket.destroy()
          done()
        }
      })
    })
  await Promise.all(Array.from({ length: connections }, caller))
  return { latencies, seconds: (performance.now() - started) / 1000, verdicts }
}

function isWhole(text) {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1])
  return text.length >= end + 4 + length
}
