-- Keeps the texts that running jobs have generated so far. What is sent again changes nothing.
--
-- KEYS   the records
-- ARGV   1: channel; then for each record: fence, text since the last time, bytes of the text with it, tokens with it
-- Returns, for each record: 1 kept; 0 where the job has ended, or another attempt holds the fence; 2 where what comes
-- before is not there, as Redis has lost it: nothing is kept then.
local answers, told = {}, {}
for i = 1, #KEYS do
  local key, at = KEYS[i], 4 * i - 2
  local text, bytes = ARGV[at + 1], tonumber(ARGV[at + 2])
  local held = redis.call('HMGET', key, 'status', 'fence', 'told')
  local known = tonumber(string.match(held[3] or '', '%d+$') or 0)
  local from = bytes - #text
  if held[1] ~= 'running' or held[2] ~= ARGV[at] then
    answers[i] = 0
  elseif known < from then
    answers[i] = 2
  else
    if known < bytes then
      redis.call('SETRANGE', partsOf(key), from, text)
      -- `done` says that there is something to delete.
      redis.call('HSET', key, 'done', 0, 'told', ARGV[at + 3] .. ' ' .. ARGV[at + 2])
      told[#told + 1] = idOf(key)
    end
    answers[i] = 1
  end
end
tell(ARGV[1], told)
return answers
