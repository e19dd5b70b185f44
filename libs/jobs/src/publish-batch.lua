-- Publishes the results of a batch: state, output, lists and news of a job change together or not at all.
--
-- KEYS   1: waiting, 2: start deadlines, 3: expiries, 4: outbox, then the records
-- ARGV   1: now, ms; 2: lists; 3: channel; 4: couriers' channel; then for each record: fence, when it was sent
--        to a runner (ms), status, end (JSON), outputs (JSON or ''), the name of outputs that are stored apart
--        or '', how long its result is kept (ms)
-- Fence 0 is of an attempt so short that its start was never written down: it holds while nobody else's is.
-- Returns, for each record: 1 published, now or by an earlier sending of this same script; 0 refused, as
-- a newer attempt holds the fence or somebody else has ended the job.
local answers, ended = {}, {}
for i = 5, #KEYS do
  local key, at = KEYS[i], 7 * (i - 5) + 5
  local status = ARGV[at + 2]
  local held = redis.call('HMGET', key, 'status', 'fence', 'owner', 'done', 'callback')
  local holds = (held[2] or '0') == ARGV[at]
  local answer = 0
  if holds and held[1] == (held[2] and 'running' or 'queued') then
    local id = idOf(key)
    local fields = { 'status', status, 'ended_at', ARGV[1], 'end', ARGV[at + 3] }
    if ARGV[at + 4] ~= '' then
      fields[7], fields[8] = 'outputs', ARGV[at + 4]
    elseif ARGV[at + 5] ~= '' then
      fields[7], fields[8], fields[9], fields[10] = 'outputs', '', 'stored', ARGV[at + 5]
    end
    if not held[2] then
      fields[#fields + 1], fields[#fields + 2] = 'started_at', ARGV[at + 1]
      remove(KEYS[1], id)
      remove(KEYS[2], id)
      owe(KEYS[4], key, held[5], 'started', ARGV[at + 1])
    end
    redis.call('HSET', key, unpack(fields))
    if status == 'succeeded' then
      redis.call('HDEL', key, 'input') -- kept for the others: they can be retried
    end
    if held[4] then
      redis.call('UNLINK', partsOf(key))
    end
    changeStatus(ARGV[2], id, held[3], held[1], status)
    owe(KEYS[4], key, held[5], status, ARGV[1])
    add(KEYS[3], endOf(key, ARGV[1], ARGV[at + 6], held[5]), id)
    ended[#ended + 1] = id
    answer = 1
  elseif holds and held[1] == status then
    local before = redis.call('HMGET', key, 'end', 'started_at')
    local same = before[1] == ARGV[at + 3] and (held[2] or before[2] == ARGV[at + 1])
    answer = same and 1 or 0
  end
  answers[i - 4] = answer
end
makeMoves()
tell(ARGV[3], ended)
wakeCouriers(ARGV[4], KEYS[4])
return answers
