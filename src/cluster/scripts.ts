/**
 * What Redis does in one step. Each script declares its keys, validates first and writes last; whole numbers only, time from `TIME`. The first line is
 * understood from Redis 7 on, and is what makes Redis refuse a key that was not declared.
 */

/** In all scripts: the end of a log, as `{sequence, hash, epoch}`. A line of the journal has its hash at 10 to 73 and that of the record before at 88 to 151. */
const END = `
local function log_end(key)
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  if not last then return 0, string.rep('0', 64), 0 end
  local line = last[2][4]
  return tonumber(string.match(last[1], '^%d+')), string.sub(line, 10, 73), tonumber(last[2][2])
end
-- Of the server that runs this: another after each restart, and of each master.
local function run()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
end
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
`

export const SCRIPTS = {
  ephorAcquire: {
    numberOfKeys: 2,
    /**
     * Keys: lease, log. Arguments: name, milliseconds to live, floor of the epoch, accepted holder or '', process, the most milliseconds that a lease can have left.
     * Returns {'acquired', epoch, sequence, hash} | {'held', holder, milliseconds left} | {'orphaned', holder}.
     */
    lua: `#!lua
${END}
local held = redis.call('HMGET', KEYS[1], 'holder', 'epoch', 'until', 'run', 'process', 'witness', 'proved')
local holder, epoch = held[1] or '', tonumber(held[2] or '0')
local time = now()
local left = tonumber(held[3] or '0') - time
-- Written by a clock that was ahead, of this server or of the master before it: from now on it lives as long as any, and whoever holds it renews it.
if left > tonumber(ARGV[6]) then
  left = tonumber(ARGV[2])
  redis.call('HSET', KEYS[1], 'until', time + left)
end
-- Handed over: for whom it is meant and no process yet.
local meant = held[5] == '' and holder == ARGV[1]
if holder ~= '' and held[5] ~= ARGV[5] and not meant and left > 0 then return {'held', holder, left} end
local here = run()
-- Before leases were settled, whoever held one was the witness.
local witness, proved = held[6] or holder, held[7] or held[4] or ''
if witness ~= '' and witness ~= ARGV[1] and proved ~= here and witness ~= ARGV[4] then
  return {'orphaned', witness}
end
if witness == '' then witness, proved = ARGV[1], here end
local sequence, hash, logged = log_end(KEYS[2])
local next = math.max(epoch, tonumber(ARGV[3]), logged) + 1
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'epoch', next, 'until', time + tonumber(ARGV[2]), 'run', here, 'process', ARGV[5], 'witness', witness, 'proved', proved)
return {'acquired', next, sequence, hash}
`,
  },
  ephorRenew: {
    numberOfKeys: 1,
    /** Keys: lease. Arguments: epoch, milliseconds to live. Returns {'renewed'} | {'lost', epoch} | {'restarted'}. */
    lua: `#!lua
${END}
local held = redis.call('HMGET', KEYS[1], 'epoch', 'run')
local epoch = tonumber(held[1] or '0')
if epoch ~= tonumber(ARGV[1]) then return {'lost', epoch} end
if held[2] ~= run() then return {'restarted'} end
redis.call('HSET', KEYS[1], 'until', now() + tonumber(ARGV[2]))
return {'renewed'}
`,
  },
  ephorSettle: {
    numberOfKeys: 1,
    /** Keys: lease. Arguments: epoch. Returns {'settled'} | {'lost', epoch} | {'restarted'}. */
    lua: `#!lua
${END}
local here = run()
local held = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'holder')
local epoch = tonumber(held[1] or '0')
if epoch ~= tonumber(ARGV[1]) then return {'lost', epoch} end
if held[2] ~= here then return {'restarted'} end
redis.call('HSET', KEYS[1], 'witness', held[3], 'proved', here)
return {'settled'}
`,
  },
  ephorRelease: {
    numberOfKeys: 1,
    /** Keys: lease. Arguments: epoch, for whom or '', milliseconds that it waits for them. Returns {'released'} | {'lost', epoch}. */
    lua: `#!lua
${END}
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if epoch ~= tonumber(ARGV[1]) then return {'lost', epoch} end
local wait = 0
if ARGV[2] ~= '' then wait = now() + tonumber(ARGV[3]) end
redis.call('HSET', KEYS[1], 'holder', ARGV[2], 'until', wait, 'witness', '', 'process', '')
return {'released'}
`,
  },
  ephorAppend: {
    numberOfKeys: 2,
    /**
     * Keys: lease, log. Arguments: epoch, sequence of the first line, signature for the last or '', lines that follow each other.
     * Returns {'appended'} | {'stale', epoch} | {'restarted'} | {'behind', sequence, hash} | {'differs', sequence, hash}.
     */
    lua: `#!lua
${END}
local held = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'holder', 'witness', 'proved')
local epoch = tonumber(held[1] or '0')
if epoch ~= tonumber(ARGV[1]) then return {'stale', epoch} end
-- Who has not settled has no word in a run that came after: the witness of before may be back with other records.
-- Leases of before have neither witness nor proof.
local settled = held[3] == (held[4] or held[3]) and held[2] == (held[5] or held[2])
local here = settled and held[2] or run()
if held[2] ~= here then return {'restarted'} end
local first, count = tonumber(ARGV[2]), #ARGV - 3
local sequence, hash = log_end(KEYS[2])
if sequence < first - 1 then return {'behind', sequence, hash} end
local known = sequence - first + 1
local follows
if known == 0 then follows = string.sub(ARGV[4], 88, 151)
elseif known <= count then follows = string.sub(ARGV[3 + known], 10, 73) end
if follows ~= hash then return {'differs', sequence, hash} end
for place = known + 1, count do
  local id, line = string.format('%d-0', first + place - 1), ARGV[3 + place]
  if place == count and ARGV[3] ~= '' then
    redis.call('XADD', KEYS[2], id, 'epoch', epoch, 'line', line, 'seal', ARGV[3])
  else
    redis.call('XADD', KEYS[2], id, 'epoch', epoch, 'line', line)
  end
end
-- Who followed another in the same run has all that is in the log, so from its first record on it is the one to wait for.
if not settled and held[5] == here then redis.call('HSET', KEYS[1], 'witness', held[3]) end
return {'appended'}
`,
  },
  ephorReport: {
    numberOfKeys: 1,
    /** Keys: reports. Arguments: name, sequence. Returns {'reported'}. */
    lua: `#!lua
${END}
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d %d', tonumber(ARGV[2]), now()))
return {'reported'}
`,
  },
  ephorHeard: {
    numberOfKeys: 1,
    /** Keys: reports. Arguments: milliseconds. Returns {'heard', `sequence name`, …}: those that are not older. */
    lua: `#!lua
${END}
local time, found = now(), {'heard'}
local reports = redis.call('HGETALL', KEYS[1])
for place = 1, #reports, 2 do
  local sequence, at = string.match(reports[place + 1], '^(%d+) (%d+)$')
  if at and time - tonumber(at) <= tonumber(ARGV[1]) then
    found[#found + 1] = sequence .. ' ' .. reports[place]
  end
end
return found
`,
  },
  ephorTrim: {
    numberOfKeys: 2,
    /**
     * Keys: log, reports. Arguments: last sequence archived, milliseconds that a report counts, most records to cut off.
     * Returns {'trimmed', first, who keeps others}. A report that does not read keeps everything.
     */
    lua: `#!lua
${END}
local time = now()
local floor, kept_for, heard, silent = tonumber(ARGV[1]), '', 0, {}
local reports = redis.call('HGETALL', KEYS[2])
for place = 1, #reports, 2 do
  local sequence, at = string.match(reports[place + 1], '^(%d+) (%d+)$')
  if at and time - tonumber(at) > tonumber(ARGV[2]) then
    silent[#silent + 1] = reports[place]
  else
    heard = heard + 1
    if tonumber(sequence or 0) < floor then floor, kept_for = tonumber(sequence or 0), reports[place] end
  end
end
local function first()
  local entry = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  return entry and tonumber(string.match(entry[1], '^%d+')) or 0
end
local last, before = log_end(KEYS[1]), first()
for place = 1, #silent do redis.call('HDEL', KEYS[2], silent[place]) end
local to = math.min(floor, last - 1, before + tonumber(ARGV[3]) - 1)
if heard > 0 and to >= before and before > 0 then
  redis.call('XTRIM', KEYS[1], 'MINID', string.format('%d-0', to + 1))
end
return {'trimmed', first(), kept_for}
`,
  },
  ephorPut: {
    /**
     * Keys: lane, requests. Arguments: most that may wait, milliseconds to know a request, sidecar, an input for each request.
     * Returns {waiting, entry or '' where there was no room, …}.
     */
    lua: `#!lua
local waiting = redis.call('XLEN', KEYS[1])
local answers = {waiting}
for place = 2, #KEYS do
  local entry = redis.call('GET', KEYS[place])
  if not entry and waiting < tonumber(ARGV[1]) then
    entry = redis.call('XADD', KEYS[1], '*', 'sidecar', ARGV[3], 'input', ARGV[place + 2])
    redis.call('SET', KEYS[place], entry, 'PX', ARGV[2])
    waiting = waiting + 1
  end
  answers[place] = entry or ''
end
return answers
`,
  },
  ephorHalt: {
    numberOfKeys: 2,
    /**
     * Keys: halts, request. Arguments: most that may wait (0: no bound), milliseconds to know the request, `halt` or `notice`, its text, the last entry heard or taken.
     * Whoever waits at the stream is woken by the write itself. A clock that went back with another master must not hide it behind what was heard.
     * Returns {'put', entry} | {'full', waiting}.
     */
    lua: `#!lua
local known = redis.call('GET', KEYS[2])
if known then return {'put', known} end
local most = tonumber(ARGV[1])
local waiting = redis.call('XLEN', KEYS[1])
if most > 0 and waiting >= most then return {'full', waiting} end
local function parts(id)
  local millis, number = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(millis), tonumber(number)
end
local millis, number = parts(ARGV[5])
local time = redis.call('TIME')
local here = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local entry
if here <= millis then
  local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  local last_millis, last_number = parts(last and last[1] or '0-0')
  if last_millis < millis or (last_millis == millis and last_number < number) then
    -- Refused only where the stream went further than this and was cut: then the next place is later anyway.
    local placed = redis.pcall('XADD', KEYS[1], string.format('%d-%d', millis, number + 1), ARGV[3], ARGV[4])
    if type(placed) == 'string' then entry = placed end
  end
end
entry = entry or redis.call('XADD', KEYS[1], '*', ARGV[3], ARGV[4])
redis.call('SET', KEYS[2], entry, 'PX', ARGV[2])
return {'put', entry}
`,
  },
  ephorPublish: {
    numberOfKeys: 3,
    /**
     * Keys: topic, places by the requests of late, the same of those before them. Arguments: messages kept, milliseconds to know a request, one text for all of
     * them, the request of each. Returns {place, …}: where one is known already nothing is written, and those that are not have none ('').
     * Two hashes that take turns cost Redis less than a key for each request, which would have to run out. The field '' says since when there is the first.
     */
    lua: `#!lua
${END}
local topic, late, before = KEYS[1], KEYS[2], KEYS[3]
local kept, known_ms, requests = tonumber(ARGV[1]), tonumber(ARGV[2]), {unpack(ARGV, 4)}
local count, places, known = #requests, {}, false
local of_late, of_before = redis.call('HMGET', late, unpack(requests)), redis.call('HMGET', before, unpack(requests))
for at = 1, count do
  local place = of_late[at] or of_before[at]
  places[at] = place or ''
  known = known or place
end
-- What is sealed together goes whole or not at all.
if known then return places end
-- How many messages there have been, up to an entry.
local function sum_of(entry) return tonumber(entry[2][4] or '') end
local millis, number, sum = now(), count - 1, count
local last = redis.call('XREVRANGE', topic, '+', '-', 'COUNT', 1)[1]
if last then
  local at, of = string.match(last[1], '^(%d+)-(%d+)$')
  if tonumber(at) >= millis then millis, number = tonumber(at), tonumber(of) + count end
  sum = (sum_of(last) or redis.call('XLEN', topic)) + count
end
local function place_of(n) return string.format('%.0f-%.0f', millis, n) end
redis.call('XADD', topic, place_of(number), 'text', ARGV[3], 'sum', string.format('%.0f', sum))
local written = {}
for at = 1, count do
  places[at] = place_of(number - count + at)
  written[2 * at - 1], written[2 * at] = requests[at], places[at]
end
-- A clock that went back with another master must not keep them for ever.
local since = tonumber(redis.call('HGET', late, '') or '')
if since and math.abs(now() - since) >= known_ms then
  redis.call('RENAME', late, before)
  since = nil
end
if not since then redis.call('HSET', late, '', now()) end
redis.call('HSET', late, unpack(written))
redis.call('PEXPIRE', late, 2 * known_ms)
local length = redis.call('XLEN', topic)
for _ = 1, 256 do
  local first = redis.call('XRANGE', topic, '-', '+', 'COUNT', 1)[1]
  if length <= kept and sum - (sum_of(first) or 0) < kept then break end
  length = length - redis.call('XDEL', topic, first[1])
end
return places
`,
  },
  ephorSharedGet: {
    numberOfKeys: 1,
    /** Keys: value. Returns {version or '', text, milliseconds left or -1}. */
    lua: `#!lua
local held = redis.call('HMGET', KEYS[1], 'version', 'text')
return {held[1] or '', held[2] or '', redis.call('PTTL', KEYS[1])}
`,
  },
  ephorSharedPut: {
    numberOfKeys: 3,
    /**
     * Keys: value, lease, index. Arguments: most keys, name in the index, text, expected version or '', milliseconds to live or '', token or '', its holder.
     * Returns {'written', version} | {'conflict', version} | {'fenced', token} | {'full', keys}.
     */
    lua: `#!lua
local clock = redis.call('TIME')
local micros = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local millis = math.floor(micros / 1000)
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if ARGV[6] ~= '' then
  local held = redis.call('HMGET', KEYS[2], 'token', 'until', 'holder')
  if held[1] ~= ARGV[6] or held[3] ~= ARGV[7] or tonumber(held[2]) <= millis then return {'fenced', tonumber(held[1] or '0')} end
end
if ARGV[4] ~= '' and tonumber(ARGV[4]) ~= version then return {'conflict', version} end
if version == 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', millis)
  local keys = redis.call('ZCARD', KEYS[3])
  if keys >= tonumber(ARGV[1]) then return {'full', keys} end
end
local next = math.max(version + 1, micros)
redis.call('HSET', KEYS[1], 'version', string.format('%.0f', next), 'text', ARGV[3])
if ARGV[5] == '' then
  redis.call('PERSIST', KEYS[1])
  redis.call('ZADD', KEYS[3], '+inf', ARGV[2])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  redis.call('ZADD', KEYS[3], millis + tonumber(ARGV[5]), ARGV[2])
end
return {'written', next}
`,
  },
  ephorSharedLease: {
    numberOfKeys: 2,
    /**
     * Keys: lease, index. Arguments: most leases, name in the index, holder, milliseconds to live, milliseconds that a token is remembered.
     * Returns {'leased', token, left} | {'held', holder, left} | {'full', keys}.
     */
    lua: `#!lua
local clock = redis.call('TIME')
local micros = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local millis = math.floor(micros / 1000)
local held = redis.call('HMGET', KEYS[1], 'holder', 'token', 'until')
local left = tonumber(held[3] or '0') - millis
if left > 0 and held[1] ~= ARGV[3] then return {'held', held[1], left} end
if not held[2] then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', millis)
  local keys = redis.call('ZCARD', KEYS[2])
  if keys >= tonumber(ARGV[1]) then return {'full', keys} end
end
local token = tonumber(held[2] or '0')
if left <= 0 then token = math.max(token + 1, micros) end
local live = tonumber(ARGV[4])
local kept = live + tonumber(ARGV[5])
redis.call('HSET', KEYS[1], 'holder', ARGV[3], 'token', string.format('%.0f', token), 'until', millis + live)
redis.call('PEXPIRE', KEYS[1], kept)
redis.call('ZADD', KEYS[2], millis + kept, ARGV[2])
return {'leased', token, live}
`,
  },
  ephorSharedRelease: {
    numberOfKeys: 1,
    /** Keys: lease. Arguments: token, holder. Returns {'released', 1 or 0}. */
    lua: `#!lua
local clock = redis.call('TIME')
local millis = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local held = redis.call('HMGET', KEYS[1], 'token', 'until', 'holder')
if held[1] ~= ARGV[1] or held[3] ~= ARGV[2] or tonumber(held[2]) <= millis then return {'released', 0} end
redis.call('HSET', KEYS[1], 'until', 0)
return {'released', 1}
`,
  },
} as const

export type ScriptName = keyof typeof SCRIPTS

/** The script as a server of that version reads it: before 7 there was no first line to understand. */
export function luaFor(lua: string, majorVersion: number): string {
  return majorVersion >= 7 ? lua : lua.replace(/^#![^\n]*\n/, '')
}
