-- Publishes the results of a batch: state, output and expiry of a job change together or not at all.
--
-- KEYS   records
-- ARGV   1: now, ms; then for each record: fence, status, end (JSON), outputs (JSON or ''), ttl in ms
-- Returns, for each record: 1 published, now or by an earlier sending of this same script; 0 refused, as
-- a newer attempt holds the fence or somebody else has ended the job.
local answers = {}
for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * 5
  local held = redis.call('HMGET', key, 'status', 'fence')
  if held[2] ~= ARGV[at] then
    answers[i] = 0
  elseif held[1] == 'running' then
    local ended = { 'status', ARGV[at + 1], 'ended_at', ARGV[1], 'end', ARGV[at + 2] }
    if ARGV[at + 3] ~= '' then
      ended[7], ended[8] = 'outputs', ARGV[at + 3]
    end
    redis.call('HSET', key, unpack(ended))
    if ARGV[at + 1] == 'succeeded' then
      redis.call('HDEL', key, 'input') -- kept for the others: they can be retried
    end
    if ARGV[at + 1] == 'expired' then
      redis.call('HDEL', key, 'started_at', 'attempts') -- it was begun only to be ended
    end
    redis.call('PEXPIRE', key, ARGV[at + 4])
    answers[i] = 1
  else
    answers[i] = held[1] == ARGV[at + 1] and 1 or 0
  end
end
return answers
