-- Settles a delivery that was taken.
--
-- ARGV   6: member; 7: when it is due again (ms), or ''; 8: what its lane has shown itself to be: 'quick',
--        'slow', 'failing', or '' where nothing was learnt of it
-- Returns 0 where it had come back meanwhile: then another courier has it.
if not release(ARGV[6]) then
  return 0
end
local lane, job = partsOf(ARGV[6])
if ARGV[7] ~= '' then
  redis.call('ZADD', dueOf(job), 'LT', ARGV[7], ARGV[6])
end
if ARGV[8] ~= '' then
  local room = standingOf(lane)
  local standing = -room
  if ARGV[8] == 'quick' then
    standing = room + 1
  elseif ARGV[8] == 'failing' then
    standing = -math.max(1, math.floor(room / 2))
  end
  redis.call('SET', ARGV[3] .. lane, standing, 'PX', STANDING_MS)
end
place(lane, job)
return 1
