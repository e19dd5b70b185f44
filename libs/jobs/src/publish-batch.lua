-- Publishes the results of a batch: state, output and expiry of a job change together or not at all.
--
-- KEYS   records
-- ARGV   1: now, ms; then for each record: fence, when it was sent to a runner (ms), status, end (JSON),
--        outputs (JSON or ''), ttl in ms
-- Fence 0 is of an attempt so short that its start was never written down: it holds while nobody else's is.
-- Returns, for each record: 1 published, now or by an earlier sending of this same script; 0 refused, as
-- a newer attempt holds the fence or somebody else has ended the job.
local answers = {}
for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * 6
  local status = ARGV[at + 2]
  local held = redis.call('HMGET', key, 'status', 'fence')
  local holds = (held[2] or '0') == ARGV[at]
  if holds and held[1] == (held[2] and 'running' or 'queued') then
    local ended = { 'status', status, 'ended_at', ARGV[1], 'end', ARGV[at + 3] }
    if ARGV[at + 4] ~= '' then
      ended[7], ended[8] = 'outputs', ARGV[at + 4]
    end
    if not held[2] then
      ended[#ended + 1], ended[#ended + 2] = 'started_at', ARGV[at + 1]
      ended[#ended + 1], ended[#ended + 2] = 'attempts', 1
    end
    redis.call('HSET', key, unpack(ended))
    if status == 'succeeded' then
      redis.call('HDEL', key, 'input') -- kept for the others: they can be retried
    end
    if status == 'expired' then
      redis.call('HDEL', key, 'started_at', 'attempts') -- it was begun only to be ended
    end
    redis.call('PEXPIRE', key, ARGV[at + 5])
    answers[i] = 1
  elseif holds and held[1] == status then
    local ended = redis.call('HMGET', key, 'end', 'started_at')
    local same = ended[1] == ARGV[at + 3] and (held[2] or ended[2] == ARGV[at + 1])
    answers[i] = same and 1 or 0
  else
    answers[i] = 0
  end
end
return answers
