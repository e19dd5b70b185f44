-- Takes back jobs whose acceptance nobody heard of, unless another submission of the same job was accepted meanwhile.
--
-- KEYS   1: waiting, 2: start deadlines, then the records
-- ARGV   1: lists, 2: labels; then for each record: owner, digests of its metadata pairs, name of the submission
--        that is given up or ''
for i = 3, #KEYS do
  local key, at = KEYS[i], 3 * (i - 3) + 3
  local id, owner = idOf(key), ARGV[at]
  local held = redis.call('HMGET', key, 'status', 'by')
  if held[1] and (held[2] or '') == ARGV[at + 2] then
    redis.call('UNLINK', key, partsOf(key), deliveriesOf(key))
    remove(KEYS[1], id)
    remove(KEYS[2], id)
    remove(listOf(ARGV[1], held[1], owner), id)
    for digest in string.gmatch(ARGV[at + 1], '%S+') do
      remove(ARGV[2] .. owner .. ':' .. digest, id)
    end
  end
end
makeMoves()
