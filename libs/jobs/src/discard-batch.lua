-- Takes back jobs whose acceptance nobody heard of, unless another submission of the same job was accepted meanwhile,
-- or a worker has started it: then it comes to its end, and its webhook is told.
--
-- KEYS   1: waiting, 2: start deadlines, then the records
-- ARGV   1: lists, 2: labels; then for each record: owner, digests of its metadata pairs, name of the submission
--        that is given up or ''
-- Returns, for each record: 1 where the job does not exist now, else 0.
local answers = {}
for i = 3, #KEYS do
  local key, at = KEYS[i], 3 * (i - 3) + 3
  local id, owner = idOf(key), ARGV[at]
  local held = redis.call('HMGET', key, 'status', 'by', 'fence')
  local isOurs = held[1] == 'queued' and not held[3] and (held[2] or '') == ARGV[at + 2]
  if isOurs then
    redis.call('UNLINK', key)
    remove(KEYS[1], id)
    remove(KEYS[2], id)
    leaveList(ARGV[1], id, owner, held[1])
    for digest in string.gmatch(ARGV[at + 1], '%S+') do
      remove(ARGV[2] .. owner .. ':' .. digest, id)
    end
  end
  answers[i - 2] = (isOurs or not held[1]) and 1 or 0
end
makeMoves()
return answers
