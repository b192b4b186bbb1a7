-- Keeps a transaction of one workspace, where the records that it has read are still the same.
-- KEYS: records, order, resting, past, exchanges.
-- ARGV: n, n names, n values that were read ('' is none); 1 to clear all; n, n times name and value ('' removes);
--       n, n times list and member to take out; n, n times list, rank and member; n, n exchanges ('' is counted only),
--       how many of them are kept; the key of the list of workspaces, the workspace's name, now.
-- Answers 1 and the number of the last exchange, or 0 and the values as they are.
local at = 1
local function word()
  at = at + 1
  return ARGV[at - 1]
end
local count = tonumber(word())
if count > 0 then
  local names = {}
  for place = 1, count do names[place] = word() end
  local values = redis.call('HMGET', KEYS[1], unpack(names))
  local same = true
  for place = 1, count do
    values[place] = values[place] or ''
    same = (word() == values[place]) and same
  end
  if not same then return {0, unpack(values)} end
end
if word() == '1' then redis.call('DEL', unpack(KEYS)) end
local writes = tonumber(word())
for _ = 1, writes do
  local name, value = word(), word()
  if value == '' then redis.call('HDEL', KEYS[1], name) else redis.call('HSET', KEYS[1], name, value) end
end
for _ = 1, tonumber(word()) do
  local list, member = tonumber(word()), word()
  redis.call('ZREM', KEYS[list], member)
end
for _ = 1, tonumber(word()) do
  local list, rank, member = tonumber(word()), word(), word()
  redis.call('ZADD', KEYS[list], rank, member)
end
local exchanges, number = tonumber(word()), 0
local first = at
at = at + exchanges
local limit = tonumber(word())
if exchanges > 0 then
  number = redis.call('HINCRBY', KEYS[1], 'said', exchanges)
  for place = 1, exchanges do
    local own, text = number - exchanges + place, ARGV[first + place - 1]
    if text ~= '' then redis.call('HSET', KEYS[5], own, text) end
    redis.call('HDEL', KEYS[5], own - limit)
  end
end
local spaces, workspace, now = word(), word(), word()
if writes > 0 and not redis.call('ZSCORE', spaces, workspace) then redis.call('ZADD', spaces, now, workspace) end
return {1, number}
