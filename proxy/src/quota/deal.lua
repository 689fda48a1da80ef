-- Deals of one replica, all in one step. The same as `settle` in bank.rs, for what is counted here.
--
-- KEYS: the replicas, each with the time it was seen last; then of each deal the limit.
-- ARGV: this replica; how long one lives that is not seen; then of each deal: its kind, cap, back, least, most, from.
--
-- A limit of a minute is a hash of its period and of what is used; requests at once are one of what each replica holds.
local TWO_MINUTES, A_DAY, SHARE = 120000, 86400000, 16

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local replicas, me, life = KEYS[1], ARGV[1], tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', replicas, '-inf', now - life)
if not redis.call('ZSCORE', replicas, me) then
    -- The others thought that it was dead, or Redis was emptied.
    return false
end
redis.call('ZADD', replicas, string.format('%d', now), me)
redis.call('PEXPIRE', replicas, life)

local function portion(left, least, most)
    if least <= 0 or left < least then
        return 0
    end
    return math.max(math.min(math.floor(left / SHARE), most), least)
end

local function write(amount)
    return string.format('%d', amount)
end

-- used, held, what this replica holds, after it has given back
local function permits(key, back)
    local held, hold = 0, 0
    local all = redis.call('HGETALL', key)
    for at = 1, #all, 2 do
        if not redis.call('ZSCORE', replicas, all[at]) then
            redis.call('HDEL', key, all[at])
        else
            held = held + tonumber(all[at + 1])
            if all[at] == me then
                hold = tonumber(all[at + 1])
            end
        end
    end
    local given = math.max(math.min(back, hold), 0)
    return held - given, hold - given, hold
end

local answers = {}
local function answer(taken, used, held, hold, period)
    for _, number in ipairs({taken, used, held, hold, period}) do
        table.insert(answers, number)
    end
end

for deal = 2, #KEYS do
    local key, at = KEYS[deal], 3 + (deal - 2) * 6
    local kind, cap, back = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local least, most, from = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
    if kind == 'parallel' then
        local held, hold, before = permits(key, back)
        local taken = portion(cap - held, least, most)
        held, hold = held + taken, hold + taken
        if hold > 0 then
            redis.call('HSET', key, me, write(hold))
            redis.call('PEXPIRE', key, A_DAY)
        elseif before > 0 then
            redis.call('HDEL', key, me)
        end
        answer(taken, 0, held, hold, 0)
    else
        local found = redis.call('HMGET', key, 'period', 'used')
        local period, used, is_new = from, 0, found[1] or least > 0
        -- The clock of another replica may be ahead: its minute is everybody's.
        if found[1] and tonumber(found[1]) >= from then
            period, used, is_new = tonumber(found[1]), tonumber(found[2]), false
        end
        local before = used
        if period == from then
            used = math.max(used - back, 0)
        end
        local taken = portion(cap - used, least, most)
        used = used + taken
        if used ~= before or is_new then
            redis.call('HSET', key, 'period', write(period), 'used', write(used))
            if is_new then
                -- Not later on: a minute that a wrong clock put far ahead goes by itself.
                redis.call('PEXPIRE', key, TWO_MINUTES)
            end
        end
        answer(taken, used, 0, 0, period)
    end
end
return answers
