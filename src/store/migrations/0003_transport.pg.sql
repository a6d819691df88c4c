-- A route's transport is tls from now on unless it says otherwise, and so the port of an address without one is 5061 there. Routes
-- of before keep what they had: 5060, and udp.
UPDATE stox.objects SET body = jsonb_set(body::jsonb, '{next-hop}', (
    SELECT coalesce(jsonb_agg(
        CASE
            WHEN value LIKE '%:%:%' AND value NOT LIKE '[%' THEN '[' || value || ']:5060'
            WHEN value ~ '^[0-9.]+$' THEN value || ':5060'
            ELSE value
        END ORDER BY place), '[]')
    FROM jsonb_array_elements_text(body::jsonb -> 'next-hop') WITH ORDINALITY AS hop (value, place)))::text
WHERE kind = 'route' AND body::jsonb ->> 'transport' = 'tls' AND jsonb_typeof(body::jsonb -> 'next-hop') = 'array';
UPDATE stox.objects SET body = (body::jsonb || '{"transport": "udp"}')::text
WHERE kind = 'route' AND body IS NOT NULL AND body::jsonb ->> 'transport' IS NULL;
