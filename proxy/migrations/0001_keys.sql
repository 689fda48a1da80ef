-- One text for SQLite and PostgreSQL. Times are milliseconds since 1970 in UTC; money is in trillionths of a dollar; lists and objects are JSON.

CREATE TABLE keys (
    token TEXT NOT NULL PRIMARY KEY, -- SHA-256 of the key, which itself is nowhere
    key_name TEXT NOT NULL,
    key_alias TEXT UNIQUE,
    team_id TEXT,
    user_id TEXT,
    models TEXT NOT NULL,
    aliases TEXT NOT NULL,
    max_budget BIGINT,
    budget_duration TEXT,
    rpm_limit BIGINT,
    tpm_limit BIGINT,
    max_parallel_requests BIGINT,
    metadata TEXT NOT NULL,
    allowed_routes TEXT NOT NULL,
    blocked BOOLEAN NOT NULL,
    expires BIGINT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX keys_of_team ON keys (team_id);
CREATE INDEX keys_of_user ON keys (user_id);

CREATE TABLE teams (
    team_id TEXT NOT NULL PRIMARY KEY,
    team_alias TEXT,
    models TEXT NOT NULL,
    max_budget BIGINT,
    budget_duration TEXT,
    rpm_limit BIGINT,
    tpm_limit BIGINT,
    max_parallel_requests BIGINT,
    metadata TEXT NOT NULL,
    members TEXT NOT NULL,
    blocked BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE users (
    user_id TEXT NOT NULL PRIMARY KEY,
    user_alias TEXT,
    user_email TEXT,
    email_key TEXT UNIQUE, -- user_email as it is compared: without blanks around it, in small letters
    user_role TEXT,
    models TEXT NOT NULL,
    max_budget BIGINT,
    budget_duration TEXT,
    rpm_limit BIGINT,
    tpm_limit BIGINT,
    max_parallel_requests BIGINT,
    metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- What was used of a limit. scope: key:HASH, team:ID, user:ID, or proxy for all together; kind: budget, rpm, tpm, parallel.
CREATE TABLE quotas (
    scope TEXT NOT NULL,
    kind TEXT NOT NULL,
    period BIGINT NOT NULL, -- when it began; what was used before counts no more
    resets_at BIGINT,       -- when the next one begins; NULL: never
    used BIGINT NOT NULL,
    held BIGINT NOT NULL,   -- lent to replicas, and not used yet
    PRIMARY KEY (scope, kind)
);

-- Which replica was lent how much, so that what a dead one holds is found.
CREATE TABLE holds (
    replica TEXT NOT NULL,
    scope TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (replica, scope, kind)
);

CREATE TABLE replicas (
    replica TEXT NOT NULL PRIMARY KEY,
    seen_at BIGINT NOT NULL
);

-- How far a replica's file of what was spent is in here: together with what it says, or not at all.
CREATE TABLE journals (
    journal TEXT NOT NULL PRIMARY KEY,
    applied BIGINT NOT NULL, -- bytes of the file
    updated_at BIGINT NOT NULL
);

CREATE TABLE spend_logs (
    request_id TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    first_chunk_at BIGINT, -- of a stream
    ended_at BIGINT NOT NULL,
    call_type TEXT NOT NULL,
    token TEXT NOT NULL, -- of keys; empty: the master key's
    team_id TEXT,
    user_id TEXT,
    end_user TEXT, -- the request's own field "user"
    model TEXT NOT NULL,       -- as the request named it
    model_group TEXT NOT NULL, -- the configuration's name
    model_id TEXT NOT NULL,    -- the deployment's
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    spend BIGINT NOT NULL,
    status BIGINT NOT NULL, -- HTTP; 499: the client hung up
    PRIMARY KEY (started_at, request_id)
);
CREATE INDEX spend_of_key ON spend_logs (token, started_at);
