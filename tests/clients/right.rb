# A right client in Ruby, by net/http: the payload on stdin, the URL of the video on stdout.
require "net/http"
require "json"
require "time"
require "uri"

class KlingError < StandardError; end

class Kling
  INTERVAL = Float(ENV.fetch("KLING_POLL_INTERVAL", "10"))
  BUDGET = 1000.0
  Reply = Struct.new(:status, :json, :text, :after)
  LOST = [SystemCallError, IOError, EOFError, SocketError, Timeout::Error, Net::ProtocolError, Net::HTTPBadResponse,
          Net::HTTPHeaderSyntaxError, OpenSSL::SSL::SSLError, Zlib::Error].freeze

  def initialize(base, key)
    @route = URI("#{base.sub(%r{/+\z}, '')}/video/generations")
    @key = key
  end

  def generate(body)
    job = create(body)
    ended(job) || poll(job["id"])
  end

  private

  def monotonic = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  def ask(request, seconds)
    request["Authorization"] = "Bearer #{@key}"
    request["Accept"] = "application/json"
    uri = request.uri
    http = Net::HTTP.new(uri.host, uri.port)
    http.use_ssl = uri.scheme == "https"
    http.open_timeout = 10
    http.read_timeout = seconds
    http.write_timeout = seconds
    http.max_retries = 0
    answer = http.start { |open| open.request(request) }
    text = (answer.body || "").dup.force_encoding("UTF-8").delete_prefix("\uFEFF").scrub
    json = begin
      JSON.parse(text)
    rescue JSON::ParserError
      nil
    end
    Reply.new(answer.code.to_i, json.is_a?(Hash) ? json : nil, text, answer["retry-after"])
  end

  def create(body)
    reply = nil
    (1..5).each do |attempt|
      request = Net::HTTP::Post.new(@route)
      request["Content-Type"] = "application/json"
      request.body = body
      begin
        reply = ask(request, 60)
      rescue Errno::ECONNREFUSED => error
        raise KlingError, "no connection, nothing was sent: #{error.message}"
      rescue *LOST => error
        raise KlingError, "the create got no answer (#{error.class}: #{error.message}); a job may have been made and billed"
      end
      pause = wanted(reply, 10.0 * attempt)
      break if reply.status != 429 || attempt == 5 || pause > 300
      sleep pause
    end
    if reply.status >= 500
      raise KlingError, "the create was answered #{reply.status}, a job may have been made and billed: #{said(reply)}"
    end
    raise KlingError, "the create was refused with #{reply.status}: #{said(reply)}" unless [200, 201].include?(reply.status)
    id = reply.json && reply.json["id"]
    raise KlingError, "the create's answer names no job; one may have been made and billed" unless id.is_a?(String) && !id.empty?
    reply.json
  end

  def poll(id)
    uri = @route.dup
    uri.query = URI.encode_www_form(generation_id: id)
    limit = monotonic + BUDGET
    pause, faults, refusals = INTERVAL, 0, 0
    while monotonic + pause <= limit
      sleep pause
      reply = begin
        ask(Net::HTTP::Get.new(uri), 30)
      rescue *LOST
        nil
      end
      status = reply ? reply.status : 0
      if status == 200 && reply.json
        pause, faults, refusals = INTERVAL, 0, 0
        url = ended(reply.json.merge("id" => id), late: true)
        return url if url
        next
      end
      refusals = (300..499).cover?(status) && ![408, 425, 429].include?(status) ? refusals + 1 : 0
      raise KlingError, "polls of #{id} are refused with #{status}: #{said(reply)}" if refusals > 2
      faults += 1
      pause = [INTERVAL * 2**[faults - 1, 3].min, 60.0].min
      pause = [pause, [wanted(reply, 0.0), 300.0].min].max if reply
    end
    raise KlingError, "#{id} did not end within #{BUDGET.to_i} s; it may still end"
  end

  def ended(job, late: false)
    case job["status"]
    when "completed", "succeeded"
      url = job["video"].is_a?(Hash) && job["video"]["url"]
      return url if url.is_a?(String) && !url.empty?
      raise KlingError, "#{job['id']} is #{job['status']} without a video" if late
    when "error", "failed"
      raise KlingError, "#{job['id']} failed: #{JSON.generate(job['error'] || 'no reason given')}"
    end
    nil
  end

  def said(reply)
    return reply.text[0, 200] unless reply.json
    "#{reply.json['message']} (request #{reply.json['requestId']})"
  end

  def wanted(reply, otherwise)
    text = reply.after.to_s.strip
    return otherwise if text.empty?
    return text.to_f if text.match?(/\A\d+(\.\d+)?\z/)
    [Time.httpdate(text) - Time.now, 0.0].max
  rescue ArgumentError
    otherwise
  end
end

key = ENV.fetch("KLING_API_KEY")
begin
  $stdin.set_encoding("UTF-8")
  puts Kling.new(ENV.fetch("KLING_BASE_URL"), key).generate($stdin.read)
rescue KlingError => error
  warn "KlingError: #{error.message.gsub(key, '…')}"
  exit 1
end
