-- Puts deliveries into the schedule; one that is there already is not put off. One that is under way comes once
-- more: it may have been asked for again.
--
-- ARGV   6 and on: for each, when it is due (ms), member
for i = 6, #ARGV, 2 do
  local member = ARGV[i + 1]
  local lane, job = partsOf(member)
  redis.call('ZADD', dueOf(job), 'LT', ARGV[i], member)
  place(lane, job)
end
