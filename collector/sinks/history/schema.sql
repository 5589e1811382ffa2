-- One line of the history: who looks at what. Its labels are those of the newest run.
CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  service TEXT NOT NULL,
  target TEXT NOT NULL,
  region TEXT NOT NULL,
  agent TEXT NOT NULL,
  labels TEXT NOT NULL DEFAULT '{}',
  UNIQUE (name, type, service, target, region, agent)
) STRICT;

-- A run, once, however often it is delivered. Times are Unix milliseconds. A run whose verdict has
-- not arrived yet (its reason comes first, and a batch may be cut anywhere) has none.
CREATE TABLE runs (
  series INTEGER NOT NULL REFERENCES series (id),
  time INTEGER NOT NULL,
  verdict TEXT,
  error_type TEXT,
  message TEXT,
  duration_ms REAL,
  valid_until INTEGER,
  run TEXT,
  facts TEXT,
  PRIMARY KEY (series, time)
) STRICT, WITHOUT ROWID;
