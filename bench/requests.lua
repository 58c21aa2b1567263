-- Sends the requests of the file REQUESTS in their order: method, path, token and body, with tabs between.
local requests, sent = {}, -1 -- wrk asks for one at its start that it doesn't send
for line in io.lines(os.getenv("REQUESTS")) do
  local method, path, token, body = line:match("^(.-)\t(.-)\t(.-)\t(.*)$")
  local headers = {["Content-Type"] = "application/json"}
  if token ~= "" then headers["Authorization"] = "Bearer " .. token end
  requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
end

function request()
  sent = sent + 1
  return requests[math.max(sent - 1, 0) % #requests + 1]
end
