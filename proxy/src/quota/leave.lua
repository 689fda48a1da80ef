-- A replica ends: what it holds is nobody's. KEYS: the replicas. ARGV: this one.
return redis.call('ZREM', KEYS[1], ARGV[1])
