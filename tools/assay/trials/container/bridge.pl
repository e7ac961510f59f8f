# Carries connections from a port of the loopback device to a unix socket: PORT SOCKET READY-FILE.
use strict;
use Socket;
my ($port, $path, $ready) = @ARGV;
$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';
socket(my $server, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
setsockopt($server, SOL_SOCKET, SO_REUSEADDR, 1);
bind($server, sockaddr_in($port, INADDR_LOOPBACK)) or die "bind: $!";
listen($server, 128) or die "listen: $!";
open(my $file, '>', $ready) or die "$ready: $!";
close($file);

sub pump {
    my ($from, $to) = @_;
    while (sysread($from, my $bytes, 65536)) {
        my $at = 0;
        while ($at < length $bytes) {
            my $sent = syswrite($to, $bytes, length($bytes) - $at, $at);
            return unless defined $sent;
            $at += $sent;
        }
    }
    shutdown($to, 1);
}

while (1) {
    accept(my $client, $server) or next;
    my $pid = fork;
    if (defined $pid && $pid == 0) {
        close($server);
        socket(my $model, PF_UNIX, SOCK_STREAM, 0) or exit 1;
        connect($model, sockaddr_un($path)) or exit 1;
        my $child = fork;
        if (defined $child && $child == 0) { pump($client, $model); exit 0 }
        pump($model, $client);
        kill 'KILL', $child if $child;
        exit 0;
    }
    close($client);
}
