require "net/http"
puts Net::HTTP.get_response(URI("https://api.aimlapi.com/v1/models")).code
begin
  Net::HTTP.get(URI("https://example.com"))
rescue StandardError
  puts "refused"
end
sleep 4
