# Loaded into every Ruby program under `kling-mock run --fast-forward`: its sleeps and clocks follow the mock's
# (PROTOCOL.md). Connections go by the proxy, which Net::HTTP finds in the environment.

require "json"
require "socket"

module KlingMock
  VERSION = 1.0 # of the clock file

  class << self
    attr_accessor :real, :real_sleep

    def start(config)
      @config = config
      @clock = File.open(config["clock"], "rb")
      raise "another version of the clock file" if @clock.pread(8, 0).unpack1("d") != VERSION
      @lock = Thread::Mutex.new
      @begun = {}
      @start = now
      self
    end

    # Virtual seconds since the epoch.
    def now
      loop do
        _, serial, virtual, at, speed, again = @clock.pread(48, 0).unpack("d6")
        return virtual + (real.call(Process::CLOCK_MONOTONIC) - at) * speed if serial == again
      end
    end

    def measured(clock)
      (@begun[clock] ||= real.call(clock) - (now - @start)) + now - @start
    end

    def sleep(seconds)
      deadline = now + seconds
      while now < deadline
        moved = others_rest? && begin
          answer = ask(ask: "horizon", due: deadline)
          answer["horizon"] && ask(ask: "jump", to: deadline, seen: answer["seen"])["done"]
        end
        real_sleep.call(@config["timing"]["sleep_look"]) unless moved
      end
    ensure
      tell(ask: "awake") if deadline && now < deadline
    end

    private

    # Whether every other thread of this process waits as well.
    def others_rest?
      Thread.list.none? { |thread| thread != Thread.current && thread.status == "run" }
    end

    def ask(message)
      @lock.synchronize do
        connection.puts(message.to_json)
        JSON.parse(connection.gets)
      end
    end

    def tell(message)
      @lock.synchronize { connection.puts(message.to_json) }
    end

    # One for each process: a fork opens its own.
    def connection
      return @connection if @owner == Process.pid
      @owner = Process.pid
      @connection = TCPSocket.new("127.0.0.1", @config["hooked"])
      @connection.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
      @connection.puts({ token: @config["token"], pid: Process.pid }.to_json)
      @connection
    end
  end
end

begin
  config = JSON.parse(File.read(ENV.fetch("KLING_MOCK_RUN")))

  # URI#find_proxy looks up every host, in case it is this machine: not the mock's, and none when the run is offline.
  class << IPSocket
    real_address = instance_method(:getaddress)
    define_method(:getaddress) do |host|
      known = JSON.parse(File.read(config["hosts"])) rescue { "hosts" => [], "offline" => true }
      local = host == "localhost" || host == Socket.gethostname || host.match?(/\A[\d.]+\z|:/)
      asked = local || !(known["offline"] || known["hosts"].include?(host.downcase))
      raise SocketError, "kling-mock: #{host} is not looked up" unless asked
      real_address.bind_call(self, host)
    end
  end

  File.write(File.join(config["marks"], Process.pid.to_s), "") rescue nil

  if config["fast_forward"]
    KlingMock.real = Process.method(:clock_gettime)
    KlingMock.real_sleep = Kernel.method(:sleep)
    KlingMock.start(config)

    module Kernel
      real_sleep = instance_method(:sleep)
      define_method(:sleep) do |*given|
        next real_sleep.bind_call(self, *given) if given.empty? || given[0].nil?
        raise ArgumentError, "time interval must not be negative" if given[0].negative?
        before = KlingMock.now
        KlingMock.sleep(given[0].to_f)
        (KlingMock.now - before).round
      end
      module_function :sleep
    end

    class << Process
      def clock_gettime(clock, unit = :float_second)
        wall = clock == Process::CLOCK_REALTIME
        measures = [Process::CLOCK_MONOTONIC, (Process::CLOCK_BOOTTIME if defined?(Process::CLOCK_BOOTTIME))]
        return KlingMock.real.call(clock, unit) unless wall || measures.include?(clock)
        seconds = wall ? KlingMock.now : KlingMock.measured(clock)
        case unit
        when :float_second then seconds
        when :float_millisecond then seconds * 1e3
        when :float_microsecond then seconds * 1e6
        when :second then seconds.to_i
        when :millisecond then (seconds * 1e3).to_i
        when :microsecond then (seconds * 1e6).to_i
        else (seconds * 1e9).to_i
        end
      end
    end

    class << Time
      real_new = instance_method(:new)
      define_method(:now) { |**options| at(KlingMock.now, **options) }
      define_method(:new) { |*given, **options| given.empty? ? now(**options) : real_new.bind_call(self, *given, **options) }
    end
  end
rescue Errno::ENOENT, KeyError
  # The run is over, or this process belongs to none.
rescue StandardError => error
  warn "kling-mock run: this Ruby cannot be hooked: #{error.message}"
end
