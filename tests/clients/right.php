<?php
// A right client in PHP, by streams: the payload on stdin, the URL of the video on stdout.
declare(strict_types=1);
class KlingError extends Exception {}
$interval = (float) (getenv('KLING_POLL_INTERVAL') ?: 10);
$route = rtrim(getenv('KLING_BASE_URL'), '/') . '/video/generations';
$key = getenv('KLING_API_KEY');

function ask(string $method, string $url, ?string $body, int $seconds): array {
    global $key;
    $headers = ["Authorization: Bearer $key", 'Accept: application/json', 'Connection: close'];
    if ($body !== null) $headers[] = 'Content-Type: application/json';
    $context = stream_context_create(['http' => [
        'method' => $method, 'header' => $headers, 'content' => $body ?? '', 'timeout' => $seconds,
        'ignore_errors' => true, 'follow_location' => 0, 'protocol_version' => 1.1,
    ]]);
    error_clear_last();
    $http_response_header = [];
    $text = @file_get_contents($url, false, $context);
    $error = preg_replace('/^file_get_contents\([^)]*\): /', '', error_get_last()['message'] ?? '');
    $status = 0; $after = null; $length = null; $packed = false;
    foreach ($http_response_header as $line) {
        if (preg_match('{^HTTP/\S+ (\d+)}', $line, $m)) $status = (int) $m[1];
        elseif (preg_match('{^retry-after:\s*(.*)$}i', $line, $m)) $after = trim($m[1]);
        elseif (preg_match('{^content-length:\s*(\d+)}i', $line, $m)) $length = (int) $m[1];
        elseif (preg_match('{^content-encoding:\s*gzip}i', $line)) $packed = true;
    }
    $none = ['status' => 0, 'json' => null, 'text' => '', 'after' => null];
    if ($text === false || $status === 0)
        return ['code' => str_contains($error, 'Connection refused') ? 7 : 1, 'error' => $error ?: 'no answer'] + $none;
    if ($length !== null && strlen($text) < $length) return ['code' => 18, 'error' => 'the answer broke off'] + $none;
    if ($packed) $text = (string) @gzdecode($text);
    if (str_starts_with($text, "\xEF\xBB\xBF")) $text = substr($text, 3);
    $json = json_decode($text, false, 512, JSON_BIGINT_AS_STRING);
    return ['code' => 0, 'error' => '', 'status' => $status, 'json' => is_object($json) ? $json : null, 'text' => $text, 'after' => $after];
}
function wanted(array $reply, float $otherwise): float {
    $text = $reply['after'] ?? '';
    if ($text === '') return $otherwise;
    if (preg_match('/^\d+(\.\d+)?$/', $text)) return (float) $text;
    $moment = strtotime($text);
    return $moment === false ? $otherwise : max(0.0, (float) ($moment - time()));
}
function said(array $reply): string {
    if ($reply['json'] === null) return substr($reply['text'], 0, 200);
    $message = $reply['json']->message ?? null;
    return (is_string($message) ? $message : json_encode($message)) . ' (request ' . json_encode($reply['json']->requestId ?? null) . ')';
}
function rest(float $seconds): void { if ($seconds > 0) usleep((int) ceil($seconds * 1e6)); }
function ended(object $job, string $id, bool $late): ?string {
    $status = $job->status ?? null;
    if ($status === 'completed' || $status === 'succeeded') {
        $url = is_object($job->video ?? null) ? ($job->video->url ?? null) : null;
        if (is_string($url) && $url !== '') return $url;
        if ($late) throw new KlingError("$id is $status without a video");
    }
    if ($status === 'error' || $status === 'failed')
        throw new KlingError("$id failed: " . json_encode($job->error ?? 'no reason given', JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES));
    return null;
}
function create(string $body): object {
    global $route;
    for ($attempt = 1; ; $attempt++) {
        $reply = ask('POST', $route, $body, 60);
        if ($reply['code'] === 7) throw new KlingError("no connection, nothing was sent: {$reply['error']}");
        if ($reply['code'] !== 0) throw new KlingError("the create got no answer ({$reply['error']}); a job may have been made and billed");
        $pause = wanted($reply, 10.0 * $attempt);
        if ($reply['status'] !== 429 || $attempt === 5 || $pause > 300) break;
        rest($pause);
    }
    if ($reply['status'] >= 500) throw new KlingError("the create was answered {$reply['status']}, a job may have been made and billed: " . said($reply));
    if (!in_array($reply['status'], [200, 201], true)) throw new KlingError("the create was refused with {$reply['status']}: " . said($reply));
    $id = $reply['json']->id ?? null;
    if (!is_string($id) || $id === '') throw new KlingError("the create's answer names no job; one may have been made and billed");
    return $reply['json'];
}
function poll(string $id): string {
    global $route, $interval;
    $url = "$route?generation_id=" . rawurlencode($id);
    $limit = hrtime(true) / 1e9 + 1000;
    $pause = $interval; $faults = $refusals = 0;
    while (hrtime(true) / 1e9 + $pause <= $limit) {
        rest($pause);
        $reply = ask('GET', $url, null, 30);
        $status = $reply['status'];
        if ($status === 200 && $reply['json'] !== null) {
            $pause = $interval; $faults = $refusals = 0;
            $found = ended($reply['json'], $id, true);
            if ($found !== null) return $found;
            continue;
        }
        $refusals = $status >= 300 && $status < 500 && !in_array($status, [408, 425, 429], true) ? $refusals + 1 : 0;
        if ($refusals > 2) throw new KlingError("polls of $id are refused with $status: " . said($reply));
        $faults++;
        $pause = max(min($interval * 2 ** min($faults - 1, 3), 60.0), min(wanted($reply, 0.0), 300.0));
    }
    throw new KlingError("$id did not end within 1000 s; it may still end");
}
try {
    $job = create(stream_get_contents(STDIN));
    echo ended($job, $job->id, false) ?? poll($job->id), "\n";
} catch (KlingError $error) {
    fwrite(STDERR, 'KlingError: ' . str_replace($key, '***', $error->getMessage()) . "\n");
    exit(1);
}
