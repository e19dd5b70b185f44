-- Adds counts of what was observed.
--
-- KEYS   1: the counts
-- ARGV   1: how long they are kept, ms; then name and count of each
for i = 2, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
