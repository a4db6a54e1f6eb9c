-- name: signal_note
INSERT INTO signals (provider, app, what, times, last_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (provider, app, what) DO UPDATE SET times = signals.times + excluded.times,
    last_at = CASE WHEN excluded.last_at > signals.last_at THEN excluded.last_at ELSE signals.last_at END;

-- name: signals_of
SELECT what, times, last_at FROM signals WHERE provider = $1 AND app = $2 ORDER BY what;

-- name: signals_prune
DELETE FROM signals WHERE last_at < $1;

-- name: inbox_waiting
SELECT COUNT(*) FROM inbox WHERE connection = $1;
