-- Gives up a claim, unless it is another's by now.
--
-- KEYS   1: the claim
-- ARGV   1: name of the process
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('UNLINK', KEYS[1])
end
