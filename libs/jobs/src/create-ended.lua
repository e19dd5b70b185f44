-- Writes the records of jobs that have succeeded as they are accepted: their results were there before.
--
-- KEYS   1: expiries, 2: outbox, then the records
-- ARGV   1: now, ms; 2: lists; 3: labels; 4: couriers' channel; then for each record: spec (JSON), owner, outputs
--        (JSON), end (JSON), digests of its metadata pairs (separated by spaces), lane of its receiver and the
--        events that its webhook asks for (separated by spaces) or '', how long its result is kept (ms)
-- Returns, for each record: 1, or 0 where there is one already, which stays as it is.
local answers = {}
for i = 3, #KEYS do
  local key, at = KEYS[i], 7 * (i - 3) + 5
  local id, owner = idOf(key), ARGV[at + 1]
  local callback = ARGV[at + 5] ~= '' and ARGV[at + 5] or nil
  if redis.call('EXISTS', key) == 1 then
    answers[i - 2] = 0
  else
    local fields = { 'status', 'succeeded', 'spec', ARGV[at], 'started_at', ARGV[1], 'ended_at', ARGV[1],
      'outputs', ARGV[at + 2], 'end', ARGV[at + 3] }
    if owner ~= '' then
      fields[#fields + 1], fields[#fields + 2] = 'owner', owner
    end
    if callback then
      fields[#fields + 1], fields[#fields + 2] = 'callback', callback
    end
    redis.call('HSET', key, unpack(fields))
    add(listOf(ARGV[2], 'succeeded', owner), '0', id)
    for digest in string.gmatch(ARGV[at + 4], '%S+') do
      add(ARGV[3] .. owner .. ':' .. digest, '0', id)
    end
    owe(KEYS[2], key, callback, 'started', ARGV[1])
    owe(KEYS[2], key, callback, 'succeeded', ARGV[1])
    add(KEYS[1], endOf(key, ARGV[1], ARGV[at + 6], callback), id)
    answers[i - 2] = 1
  end
end
makeMoves()
wakeCouriers(ARGV[4], KEYS[2])
return answers
