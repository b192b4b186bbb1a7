-- Keeps a transaction of one workspace, where the records that it has read are still the same.
-- KEYS: records, order, resting, past, exchanges.
-- ARGV: n, n names, n values that were read ('' is none); 1 to clear all; n, n times name and value ('' removes);
--       n, n times list, rank and member; n, n times list and member to take out; 1 to count an exchange;
--       that exchange ('' keeps none), how many of them are kept; the key of the list of workspaces, the workspace's name, now.
-- Answers 1 and the number of the exchange, or 0 and the values as they are.
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
  local list, rank, member = tonumber(word()), word(), word()
  redis.call('ZADD', KEYS[list], rank, member)
end
for _ = 1, tonumber(word()) do
  local list, member = tonumber(word()), word()
  redis.call('ZREM', KEYS[list], member)
end
local number = 0
if word() == '1' then number = redis.call('HINCRBY', KEYS[1], 'said', 1) end
local exchange, limit = word(), tonumber(word())
if exchange ~= '' then
  redis.call('HSET', KEYS[5], number, exchange)
  redis.call('HDEL', KEYS[5], number - limit)
end
local spaces, workspace, now = word(), word(), word()
if writes > 0 and not redis.call('ZSCORE', spaces, workspace) then redis.call('ZADD', spaces, now, workspace) end
return {1, number}
