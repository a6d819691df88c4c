-- A route's transport is tls from now on unless it says otherwise, and so the port of an address without one is 5061 there. Routes
-- of before keep what they had: 5060, and udp.
UPDATE objects SET body = json_set(body, '$."next-hop"', json((
    SELECT json_group_array(
        CASE
            WHEN value LIKE '%:%:%' AND value NOT LIKE '[%' THEN '[' || value || ']:5060'
            WHEN value NOT GLOB '*[^0-9.]*' THEN value || ':5060'
            ELSE value
        END)
    FROM (SELECT value FROM json_each(objects.body, '$."next-hop"') ORDER BY key))))
WHERE kind = 'route' AND json_extract(body, '$.transport') = 'tls' AND json_type(body, '$."next-hop"') = 'array';
UPDATE objects SET body = json_set(body, '$.transport', 'udp')
WHERE kind = 'route' AND body IS NOT NULL AND json_extract(body, '$.transport') IS NULL;
