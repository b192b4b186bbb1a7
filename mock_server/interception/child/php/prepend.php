<?php
// Loaded before every PHP program under `kling-mock run`: streams go by the proxy, and with --fast-forward what
// sleeps and tells the time follows the mock's clock (PROTOCOL.md). The run's php.ini has disabled those
// functions, so that they can be written anew.

final class KlingMock
{
    const VERSION = 1.0; // of the clock file

    private static $config;
    private static $clock;
    private static $epoch;
    private static $connection;
    private static $start;

    static function start(): void
    {
        $text = @file_get_contents((string) getenv('KLING_MOCK_RUN'));
        if ($text === false) {
            return; // the run is over, or this process belongs to none
        }
        self::$config = json_decode($text, true);
        $proxy = 'tcp://127.0.0.1:' . self::$config['proxy'];
        stream_context_set_default(['http' => ['proxy' => $proxy, 'request_fulluri' => true]]);
        self::$clock = fopen(self::$config['clock'], 'rb');
        self::$epoch = self::$config['epoch'];
        self::$start = self::now();
        @touch(self::$config['marks'] . '/' . getmypid());
    }

    // The system's monotonic seconds: read by a class, for the functions that tell them are disabled.
    private static function monotonic(): float
    {
        return (float) (new DateTimeImmutable())->format('U.u') - self::$epoch;
    }

    // Virtual seconds since the epoch.
    static function now(): float
    {
        if (self::$clock === null) {
            return (float) (new DateTimeImmutable())->format('U.u');
        }
        do {
            rewind(self::$clock);
            $f = unpack('dversion/dserial/dvirtual/dat/dspeed/dagain', fread(self::$clock, 48));
        } while ($f['serial'] !== $f['again']);
        return $f['virtual'] + (self::monotonic() - $f['at']) * $f['speed'];
    }

    static function gone(): float
    {
        return self::now() - self::$start;
    }

    static function sleep(float $seconds): void
    {
        $deadline = self::now() + $seconds;
        while (self::now() < $deadline) {
            $answer = self::ask(['ask' => 'horizon', 'due' => $deadline]);
            $seen = $answer['seen'] ?? 0;
            $moved = isset($answer['horizon'])
                && (self::ask(['ask' => 'jump', 'to' => $deadline, 'seen' => $seen])['done'] ?? false);
            if (!$moved) {
                $read = [self::$connection];
                $write = $except = null;
                stream_select($read, $write, $except, 0, (int) (self::$config['timing']['sleep_look'] * 1e6));
            }
        }
    }

    private static function ask(array $message): array
    {
        if (self::$connection === null) {
            $none = stream_context_create();
            $place = 'tcp://127.0.0.1:' . self::$config['hooked'];
            self::$connection = stream_socket_client($place, $code, $text, 5, STREAM_CLIENT_CONNECT, $none);
            self::tell(['token' => self::$config['token'], 'pid' => getmypid()]);
        }
        self::tell($message);
        return json_decode((string) fgets(self::$connection), true) ?? [];
    }

    private static function tell(array $message): void
    {
        fwrite(self::$connection, json_encode($message) . "\n");
    }
}

KlingMock::start();

if (!function_exists('sleep')) {
    function sleep(int $seconds): int
    {
        KlingMock::sleep($seconds);
        return 0;
    }

    function usleep(int $microseconds): void
    {
        KlingMock::sleep($microseconds / 1e6);
    }

    function time_nanosleep(int $seconds, int $nanoseconds): bool
    {
        KlingMock::sleep($seconds + $nanoseconds / 1e9);
        return true;
    }

    function time_sleep_until(float $timestamp): bool
    {
        KlingMock::sleep(max(0, $timestamp - KlingMock::now()));
        return true;
    }

    function time(): int
    {
        return (int) KlingMock::now();
    }

    function microtime(bool $as_float = false): string|float
    {
        $now = KlingMock::now();
        return $as_float ? $now : sprintf('%.8f %d', $now - floor($now), floor($now));
    }

    function hrtime(bool $as_number = false): array|int|float
    {
        $gone = KlingMock::gone();
        return $as_number ? (int) ($gone * 1e9) : [(int) $gone, (int) (($gone - floor($gone)) * 1e9)];
    }

    function date(string $format, ?int $timestamp = null): string
    {
        $zone = new DateTimeZone(date_default_timezone_get());
        return (new DateTimeImmutable('@' . ($timestamp ?? time())))->setTimezone($zone)->format($format);
    }
}
