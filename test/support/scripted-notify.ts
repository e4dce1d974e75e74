import type { ChannelView, NoticeTest, NotifyService } from '../../src/jobs/notify/port.ts';

/** Answers as a test says, and notes which channel was asked for. */
export class ScriptedNotify implements NotifyService {
  views: ChannelView[] = [];
  results: NoticeTest[] = [];
  readonly tested: (string | undefined)[] = [];

  channels(): readonly ChannelView[] {
    return this.views;
  }

  async test(channel: string | undefined): Promise<readonly NoticeTest[]> {
    this.tested.push(channel);
    return this.results;
  }
}
