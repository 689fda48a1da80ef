-- A replica says that it is alive. 0: the others thought that it was dead, and it is there no more.
--
-- KEYS: the replicas, each with the time it was seen last. ARGV: this one; how long one lives that is not seen; whether it was there.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local replicas, me, life = KEYS[1], ARGV[1], tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', replicas, '-inf', now - life)
if ARGV[3] == '1' and not redis.call('ZSCORE', replicas, me) then
    return 0
end
redis.call('ZADD', replicas, string.format('%d', now), me)
redis.call('PEXPIRE', replicas, life)
return 1
