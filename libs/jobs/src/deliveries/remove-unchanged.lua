-- Takes members out of a sorted set; one that was put there anew meanwhile stays.
--
-- KEYS   1: sorted set
-- ARGV   for each: member, its score
for i = 1, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
